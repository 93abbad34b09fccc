"""Everything a Siloscope process stops for.

* Stop               a message of one line for the person who started the process, and the exit code
  - WrongSetting     78 (EX_CONFIG): a setting, file or argument must be changed before another try can work
  - Unavailable      69 (EX_UNAVAILABLE): a database, broker or port is away; the same command may work later
"""

USAGE = 2
UNAVAILABLE = 69
WRONG_SETTING = 78


class Stop(Exception):
    """End the process with one line on stderr and this exit code."""

    def __init__(self, message: str, exit_code: int = WRONG_SETTING) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


class WrongSetting(Stop):
    """A setting, file or argument is wrong; only a person can mend it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, WRONG_SETTING)


class Unavailable(Stop):
    """A service that this process needs does not answer."""

    def __init__(self, message: str) -> None:
        super().__init__(message, UNAVAILABLE)
