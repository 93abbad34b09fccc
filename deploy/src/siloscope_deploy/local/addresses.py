"""Which ports the platform uses: those of last time where they are free, so that addresses stay over a restart."""

from pathlib import Path

import msgspec

from siloscope_deploy.local.home import write_private
from siloscope_deploy.servers.port_holder import port_holder
from siloscope_deploy.servers.ports import LOOPBACK, free_port, is_free
from siloscope_process.errors import Unavailable


class Addresses:
    """The ports of this home, kept in a file.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._ports = msgspec.json.decode(path.read_bytes(), type=dict[str, int])
        except (FileNotFoundError, msgspec.DecodeError):
            self._ports = {}
        self._taken: set[int] = set()

    def port(self, name: str, *, usual: int | None = None) -> int:
        """Return the port of a service: last time's, else its usual one, else any, whichever first is free."""
        for candidate in (self._ports.get(name), usual):
            if candidate is not None and candidate not in self._taken and is_free(candidate):
                return self._keep(name, candidate)
        return self._keep(name, free_port())

    def demanded(self, name: str, port: int, variable: str) -> int:
        """Return a port that was asked for.

        Raises:
            Unavailable: Somebody else has it.
        """
        if not is_free(port):
            holder = port_holder(port) or "another program"
            raise Unavailable(
                f"port {port} on {LOOPBACK} is taken by {holder}; end that, or choose another port:"
                f" {variable}={port + 1} make up"
            )
        return self._keep(name, port)

    def _keep(self, name: str, port: int) -> int:
        self._taken.add(port)
        if self._ports.get(name) != port:
            self._ports[name] = port
            write_private(self._path, msgspec.json.encode(self._ports).decode())
        return port
