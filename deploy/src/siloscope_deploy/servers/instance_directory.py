"""A directory for one server's data that somebody deletes even when its owner was killed."""

import fcntl
import shutil
import tempfile
from pathlib import Path


class InstanceDirectory:
    """A new empty directory under `parent`, held by a lock for as long as this process lives.

    Whoever makes the next one first deletes those whose owner is gone: the kernel drops a lock with its process, so
    data left by a killed run is recognised without asking which processes live.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        with (parent / "making.lock").open("a") as making:
            fcntl.flock(making, fcntl.LOCK_EX)
            self._sweep(parent)
            self.path = Path(tempfile.mkdtemp(prefix="server-", dir=parent))
            self._lock_path = self.path.with_suffix(".lock")
            self._lock = self._lock_path.open("a")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def delete(self) -> None:
        """Delete the directory and give up the lock."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock_path.unlink(missing_ok=True)
        self._lock.close()

    @staticmethod
    def _sweep(parent: Path) -> None:
        for lock_path in parent.glob("server-*.lock"):
            with lock_path.open("a") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                shutil.rmtree(lock_path.with_suffix(""), ignore_errors=True)
                lock_path.unlink()
