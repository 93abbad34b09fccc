"""TimescaleDB from its official image, for machines whose Docker engine answers."""

import secrets
from collections.abc import Mapping

from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import wait_for_logs

from siloscope_deploy.servers.ports import LOOPBACK, free_port


class TimescaleImage:
    """The image's server on a free port of 127.0.0.1; testcontainers' reaper removes it when this process is killed."""

    pid = None

    def __init__(self, image: str, *, settings: Mapping[str, str]) -> None:
        self.port = free_port()
        self._password = secrets.token_urlsafe(18)
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._container = (
            DockerContainer(image)
            .with_env("POSTGRES_PASSWORD", self._password)
            .with_env("NO_TS_TUNE", "true")
            .with_command(f"-c shared_preload_libraries=timescaledb -c max_connections=200 {options}")
        )
        # Docker takes (address, port), which testcontainers' own signature does not know; a bare port is open to all.
        self._container.ports["5432/tcp"] = (LOOPBACK, self.port)  # type: ignore[assignment]  # see above
        self._made = False

    @property
    def url(self) -> str:
        """The URL of the maintenance database, for the superuser."""
        return f"postgresql://postgres:{self._password}@{LOOPBACK}:{self.port}/postgres"

    def start(self) -> None:
        """Create the container the first time, else start it again, and return when it accepts connections."""
        if self._made:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._made = True
        wait_for_logs(self._container, "database system is ready to accept connections", timeout=120)

    def stop(self) -> None:
        """Stop cleanly; the data stays in the container."""
        if self._made:
            self._container.get_wrapped_container().stop()

    def kill(self) -> None:
        """End the server with SIGKILL; the data stays in the container."""
        self._container.get_wrapped_container().kill(signal="SIGKILL")

    def discard(self) -> None:
        """Remove the container and its data."""
        if self._made:
            self._container.stop()
            self._made = False
