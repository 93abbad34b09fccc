"""What an import or export stops for.

* WrongSetting (siloscope_process)
  - FileWrong     a file or its mapping says something at one place that makes the rest pointless
    - NotOurs     a file that we would write to is somebody else's
  - StrictStop    a record was refused, and --strict asks to stop there
"""

from siloscope_process.errors import WrongSetting


class FileWrong(WrongSetting):
    """A file cannot be read as what it is said to be."""

    def __init__(self, place: str, found: str, expected: str) -> None:
        super().__init__(f"{place}: found {found}, expected {expected}")


class NotOurs(FileWrong):
    """There is something in a file's place that another wrote."""


class StrictStop(WrongSetting):
    """The first record that was refused."""
