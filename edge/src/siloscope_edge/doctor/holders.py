"""Who has a port: the doctor shares none with a program that is reading it, and says what to do instead."""

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

_ESTABLISHED = "01"
_AGENT_ADVICE = (
    "stop the agent (sudo systemctl stop siloscope-edge), run this again, and start it anew; or let the running agent "
    "do it with its doctor command"
)


class Holder(Struct, frozen=True):
    """A process that has a port open.

    Attributes:
        pid: Its number.
        command: Its command line.
    """

    pid: int
    command: str

    @property
    def told(self) -> str:
        """It in words, with what to do."""
        words = self.command.split()
        if "edge" in words and any(word.endswith("siloscope") or "siloscope_" in word for word in words):
            return f"the agent has it (process {self.pid}): {_AGENT_ADVICE}"
        if "getty" in self.command:
            advice = "sudo systemctl disable --now serial-getty@NAME.service, with its name for NAME"
            return f"a login console has it (process {self.pid}, {words[0]}): {advice}"
        return f"process {self.pid} has it ({self.command[:60]}): end it first"


def holders_of_file(path: str, proc: Path = Path("/proc")) -> list[Holder]:
    """Return the other processes that have a device file open, as far as this user may see them."""
    real = os.path.realpath(path)
    return [_holder(pid, proc) for pid, target in _open_files(proc) if target == real]


def holders_of_connection(host: str, port: int, proc: Path = Path("/proc")) -> list[Holder]:
    """Return the other processes of this machine that are connected to a host's port."""
    remotes = {(address, port) for address in _addresses(host)}
    sockets = {f"socket:[{inode}]" for name in ("tcp", "tcp6") for inode in _connected(proc / "net" / name, remotes)}
    if not sockets:
        return []
    return [_holder(pid, proc) for pid in sorted({pid for pid, target in _open_files(proc) if target in sockets})]


def _open_files(proc: Path) -> Iterator[tuple[int, str]]:
    for each in proc.iterdir():
        if not each.name.isdigit() or int(each.name) == os.getpid():
            continue
        with suppress(OSError):  # it ended meanwhile, or belongs to somebody else
            for descriptor in (each / "fd").iterdir():
                with suppress(OSError):
                    yield int(each.name), os.readlink(descriptor)


def _connected(table: Path, remotes: Iterable[tuple[str, int]]) -> Iterator[str]:
    """Yield the inodes of sockets that are connected to one of the ends. Source: proc(5), /proc/net/tcp."""
    with suppress(OSError):
        for line in table.read_text().splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _ESTABLISHED and _end(fields[2]) in remotes:
                yield fields[9]


def _end(text: str) -> tuple[str, int]:
    address, _, port = text.partition(":")
    raw = b"".join(bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8))
    if len(raw) == 16 and raw.startswith(bytes(10) + b"\xff\xff"):
        raw = raw[12:]
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw), int(port, 16)


def _addresses(host: str) -> set[str]:
    try:
        return {str(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except OSError:
        return set()  # whoever opens it says so


def _holder(pid: int, proc: Path) -> Holder:
    try:
        command = (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        command = ""
    return Holder(pid, command or "a process that hides its name")
