"""Debian's Mosquitto as MQTT broker, its configuration rendered by the gateway from who may connect."""

import os
import shutil
import signal
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from siloscope_deploy.servers.accounts import give, server_account
from siloscope_deploy.servers.own_server import OwnServer
from siloscope_deploy.servers.ports import LOOPBACK, answers, free_port
from siloscope_deploy.servers.server_process import ServerProcess
from siloscope_gateway.brokers.mosquitto import MosquittoSettings, mosquitto_acl, mosquitto_config, mosquitto_passwords
from siloscope_gateway.credentials import Credential, Recognition
from siloscope_process.errors import Unavailable

_SEARCHED = f"{os.defpath}:/usr/sbin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/sbin"


class MosquittoServer(OwnServer):
    """A Mosquitto of our own; what it keeps over a SIGKILL is its last snapshot, by its own design.

    Args:
        directory: Holds its configuration, its log and its snapshot; handed to the account that it runs as.
        recognitions: Who may connect; nobody else can, and nobody anonymous.
        port: The MQTT port on 127.0.0.1; a free one unless told, and the same after a restart of this object.

    Raises:
        Unavailable: Mosquitto is not installed.
    """

    def __init__(self, directory: Path, recognitions: Iterable[Recognition], port: int | None = None) -> None:
        self.directory = directory
        self.port = port or free_port()
        self._recognitions = list(recognitions)
        self._account = server_account()
        self._settings = MosquittoSettings(self.port, directory / "passwords", directory / "acl", directory / "kept")
        self.process = ServerProcess(
            "mosquitto",
            [str(program()), "-c", str(directory / "mosquitto.conf")],
            log=directory / "mosquitto.log",
            account=self._account,
        )

    @property
    def url(self) -> str:
        """Where it listens for MQTT, without a credential; see `url_for`."""
        return f"mqtt://{LOOPBACK}:{self.port}"

    def url_for(self, credential: Credential) -> str:
        """Return the MQTT URL with a credential in it."""
        userinfo = f"{quote(credential.username, safe='')}:{quote(credential.password, safe='')}"
        return f"mqtt://{userinfo}@{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Write the configuration, hashes and all, for the server's account alone."""
        for folder in (self.directory, self._settings.persistence_directory):
            give(self._account, folder)
        self._write(self.directory / "mosquitto.conf", mosquitto_config(self._settings))
        self._write(self._settings.password_file, mosquitto_passwords(self._recognitions))
        self._write(self._settings.acl_file, mosquitto_acl(self._recognitions))

    def is_ready(self) -> bool:
        """Say whether it accepts MQTT connections."""
        return answers(self.port)

    def admit(self, recognitions: Iterable[Recognition]) -> None:
        """Replace who may connect; a running server takes it up without a restart."""
        self._recognitions = list(recognitions)
        self.prepare()
        if self.process.running:
            os.kill(self.process.pid, signal.SIGHUP)

    def _write(self, path: Path, text: str) -> None:
        partial = path.with_suffix(".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            if self._account is not None:
                os.fchown(file.fileno(), self._account.uid, self._account.gid)
            file.write(text)
        partial.rename(path)


def program() -> Path:
    """Return the broker's program.

    Raises:
        Unavailable: It is not installed.
    """
    found = shutil.which("mosquitto", path=_SEARCHED)
    if found is None:
        raise Unavailable("Mosquitto is not installed: apt-get install mosquitto")
    return Path(found)
