"""Everything the deployment raises, beside the orders to stop of `siloscope_process.errors`.

* DeployError
  - ServerFailed       a server of ours ended or never became ready; carries the last lines of its log
    * EndedWhileStarting   it ended before it was ready; carries the exit code
  - AlreadyRunning     another supervisor holds this home; carries its pid
"""

from collections.abc import Sequence

from siloscope_process.errors import USAGE, WRONG_SETTING


class DeployError(Exception):
    """Something about running the platform's processes went wrong."""


class ServerFailed(DeployError):
    """A process ended where it should run, or never became ready."""

    def __init__(self, name: str, problem: str, last_lines: Sequence[str] = ()) -> None:
        shown = "".join(f"\n  | {line}" for line in last_lines)
        super().__init__(f"{name}: {problem}{shown}")
        self.name = name
        self.problem = problem
        self.last_lines = tuple(last_lines)


class EndedWhileStarting(ServerFailed):
    """A process ended before it was ready; a negative code is the signal that ended it."""

    def __init__(self, failure: ServerFailed, exit_code: int) -> None:
        super().__init__(failure.name, failure.problem, failure.last_lines)
        self.exit_code = exit_code

    @property
    def hopeless(self) -> bool:
        """Whether another try would end the same way: it said that a setting or an argument is wrong."""
        return self.exit_code in (WRONG_SETTING, USAGE)


class AlreadyRunning(DeployError):
    """Another supervisor holds this home."""

    def __init__(self, home: str, pid: int | None) -> None:
        super().__init__(f"already running for {home}, pid {pid or 'unknown'}")
        self.pid = pid
