"""Who listens on a port, as far as this person may know: for the message that says that it is taken (Linux)."""

from collections.abc import Iterator
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTENING = "0A"  # column 4 of the tables, proc_net_tcp(5)


def port_holder(port: int) -> str | None:
    """Return the listener's name and pid; None where it is unknown or another person's."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    for process in Path("/proc").glob("[0-9]*"):
        if sockets & set(_open_files(process)):
            return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in _TABLES:
        if table.exists():
            for line in table.read_text().splitlines()[1:]:
                columns = line.split()
                if columns[3] == _LISTENING and int(columns[1].rpartition(":")[2], 16) == port:
                    yield columns[9]


def _open_files(process: Path) -> Iterator[str]:
    try:
        for descriptor in (process / "fd").iterdir():
            yield str(descriptor.readlink())
    except OSError:
        return  # it ended meanwhile, or is another person's
