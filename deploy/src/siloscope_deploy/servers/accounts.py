"""Whom a server runs as: PostgreSQL refuses root, so root's PostgreSQL runs as an unprivileged account.

That account must reach the binaries and the data. Folders of the person are never changed for it: where it cannot reach
them (a home under /root), copies under /var/lib/siloscope serve.
"""

import os
import pwd
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REACHABLE_ROOT = Path("/var/lib/siloscope")


@dataclass(frozen=True)
class Account:
    """A system account by its numbers."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """Return the account that a server must give up root for; None where this process is not root."""
    if os.geteuid() != 0:
        return None
    found = pwd.getpwnam("nobody")
    return Account(found.pw_name, found.pw_uid, found.pw_gid)


def reaches(account: Account | None, folder: Path) -> bool:
    """Say whether the account can enter the folder (asked of the kernel, which knows ACLs and mounts)."""
    if account is None:
        return True
    probe = [sys.executable, "-I", "-S", "-c", _PROBE, str(account.uid), str(account.gid), str(folder)]
    return subprocess.run(probe, check=False).returncode == 0


def reachable_folder(account: Account | None, wished: Path, elsewhere: Path | None = None) -> Path:
    """Return the wished folder, or one that stands for it where the account cannot enter.

    Args:
        account: Who must enter.
        wished: Where the folder should be; a file beside it, `<name>.elsewhere`, tells of the one that stands for it.
        elsewhere: Where such folders are made; under /var/lib/siloscope unless told.
    """
    nearest = next(each for each in (wished, *wished.parents) if each.exists())
    if reaches(account, nearest):
        return wished
    note = wished.with_name(f"{wished.name}.elsewhere")
    if not note.exists():
        chosen = (elsewhere or REACHABLE_ROOT / "homes") / f"{wished.name}-{secrets.token_hex(8)}"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{chosen}\n")
    return Path(note.read_text().strip())


def give(account: Account | None, folder: Path) -> None:
    """Make the folder the account's own, closed to others."""
    folder.mkdir(parents=True, exist_ok=True)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)


@contextmanager
def temporary_home() -> Iterator[Path]:
    """Give a folder for servers of a test, reachable for the server's account, and remove it afterwards."""
    with tempfile.TemporaryDirectory(prefix="siloscope-", ignore_cleanup_errors=True) as name:
        home = Path(name)
        home.chmod(0o711)
        yield home


_PROBE = """
import os, sys
uid, gid, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
os.setgroups([]); os.setgid(gid); os.setuid(uid)
sys.exit(0 if os.access(folder, os.X_OK) else 1)
"""
