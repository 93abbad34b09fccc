"""A server of our own: prepared, started, awaited, ended cleanly or hard."""

from abc import ABC, abstractmethod

from siloscope_deploy.servers.server_process import ServerProcess


class OwnServer(ABC):
    """A server that runs as our child; whoever extends it says what to prepare and when it is ready.

    Attributes:
        process: Its process.
        ready_within_s: How long a start may take.
    """

    process: ServerProcess
    ready_within_s: float = 30

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self.process.pid

    @abstractmethod
    def prepare(self) -> None:
        """Write what it needs to start."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Say whether it accepts connections."""

    def start(self) -> None:
        """Prepare, start, and wait until it accepts connections.

        Raises:
            ServerFailed: It ended or did not answer in time.
        """
        self.prepare()
        self.process.start()
        self.process.wait_until(self.is_ready, self.ready_within_s)

    def stop(self) -> None:
        """End it cleanly: what it holds is written."""
        self.process.stop()

    def kill(self) -> None:
        """End it and its own children with SIGKILL: what it had not written is gone."""
        self.process.kill()
