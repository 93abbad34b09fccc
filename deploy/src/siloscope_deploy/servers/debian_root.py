"""A Debian tree with TimescaleDB in it, built once by debootstrap and kept.

Debian 12 ships no TimescaleDB and its publisher's own package source is not always within reach, but Debian 13 carries
`postgresql-17-timescaledb` (Apache edition). A minimal Debian 13 tree beside the running system needs nothing but
root, debootstrap and the Debian mirror that this machine's own apt already uses; it takes about 35 s and 700 MB, once.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from siloscope_process.errors import Unavailable

SUITE = "trixie"
PACKAGES = "postgresql-17-timescaledb"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TARGET_FORM = "$(CREATED_BY)|$(ORIGIN)|$(COMPONENT)|$(REPO_URI)"
BUILD_LIMIT_S = 900


def cache_directory(environ: Mapping[str, str]) -> Path:
    """Return where large things that can be made again are kept: SILOSCOPE_CACHE, else ~/.cache/siloscope."""
    if named := environ.get("SILOSCOPE_CACHE"):
        return Path(named)
    return Path(environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME", "/root"), ".cache")) / "siloscope"


def debian_root(environ: Mapping[str, str]) -> Path:
    """Return the tree, building it first when it is not there.

    It is built aside and renamed when whole, under a lock: a build that was killed leaves no half tree behind that
    would be taken for a whole one, and two that start together build once.

    Raises:
        Unavailable: not root, no debootstrap, no Debian mirror among apt's sources, or the build failed.
    """
    if obstacle := debian_root_obstacle(environ):
        raise Unavailable(obstacle)
    tree = _tree(environ)
    tree.parent.mkdir(parents=True, exist_ok=True)
    with _locked(tree.with_suffix(".lock")):
        if not tree.is_dir():
            _build(tree, environ)
    return tree


def debian_root_obstacle(environ: Mapping[str, str]) -> str | None:
    """Return what stands against having the tree here, without building it; None where nothing is known to."""
    if os.geteuid() != 0:
        return "TimescaleDB from Debian needs root (chroot), and this is not root"
    if not _tree(environ).is_dir() and shutil.which("debootstrap") is None:
        return "TimescaleDB from Debian needs debootstrap: apt-get install debootstrap"
    return None


def debian_mirror(index_targets: str) -> str:
    """Return the Debian mirror among what apt fetches.

    Args:
        index_targets: what `apt-get indextargets` prints in the form of `TARGET_FORM`.

    Raises:
        Unavailable: there is none.
    """
    for line in index_targets.splitlines():
        maker, origin, component, uri = line.split("|", 3)
        if (maker, origin, component) == ("Packages", "Debian", "main") and "security" not in uri:
            return uri
    raise Unavailable("apt on this machine names no Debian mirror (has `apt-get update` run?)")


def _tree(environ: Mapping[str, str]) -> Path:
    return cache_directory(environ) / f"debian-{SUITE}-{PACKAGES}"


def _build(tree: Path, environ: Mapping[str, str]) -> None:
    targets = _output(["apt-get", "indextargets", "--format", TARGET_FORM]) if shutil.which("apt-get") else ""
    mirror = debian_mirror(targets)
    for remains in tree.parent.glob(f"{tree.name}.building-*"):
        shutil.rmtree(remains)
    aside = Path(tempfile.mkdtemp(prefix=f"{tree.name}.building-", dir=tree.parent))
    keyring = [f"--keyring={KEYRING}"] if KEYRING.exists() else []
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", *keyring, SUITE, str(aside), mirror]
    proxy = _apt_proxy()
    built = subprocess.run(
        command,
        env={**environ, **({"http_proxy": proxy, "https_proxy": proxy} if proxy else {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=BUILD_LIMIT_S,
        check=False,
    )
    if built.returncode != 0:
        shutil.rmtree(aside)
        last = " | ".join((built.stdout + built.stderr).strip().splitlines()[-3:])
        raise Unavailable(f"debootstrap of Debian {SUITE} failed with code {built.returncode}: {last}")
    aside.chmod(0o755)
    shutil.rmtree(aside / "var/cache/apt/archives", ignore_errors=True)
    aside.rename(tree)


def _apt_proxy() -> str:
    if shutil.which("apt-config") is None:
        return ""
    return _output(["apt-config", "shell", "proxy", "Acquire::http::Proxy"]).partition("=")[2].strip().strip("'")


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
