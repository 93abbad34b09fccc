"""A reserve of disk space: given up when the disk is full, so that the spool can make room for itself by evicting.

Deleting needs space as well: the journal grows before anything gets free.
"""

import os
import shutil
from contextlib import suppress
from math import inf
from pathlib import Path

RESERVE_BYTES = 8 * 1024 * 1024
_LEAVES_FREE = 4
"""The reserve is taken only where the disk has so many times as much: it shall not fill the disk itself."""
_RETAKE_MS = 60_000


class Reserve:
    """A file that holds disk space.

    Args:
        file: Made where there is none and the disk has room.
        now_ms: Wall clock.
    """

    def __init__(self, file: Path, now_ms: int) -> None:
        self._file = file
        self._tried_ms = now_ms
        self._take()

    @property
    def held(self) -> bool:
        """Whether the space is held."""
        return self._file.exists()

    def allowance(self, used_bytes: int) -> float:
        """Return how large the spool may be that uses so much: without a reserve it leaves most of the disk alone."""
        if self.held:
            return inf
        return used_bytes + shutil.disk_usage(self._file.parent).free // _LEAVES_FREE

    def release(self) -> None:
        """Give the space back to the disk."""
        self._file.unlink(missing_ok=True)

    def retake(self, now_ms: int) -> bool:
        """Hold the space again where the disk has room, tried once a minute; return whether it is held."""
        if not 0 <= now_ms - self._tried_ms < _RETAKE_MS:
            self._tried_ms = now_ms
            self._take()
        return self.held

    def _take(self) -> None:
        if self.held or shutil.disk_usage(self._file.parent).free < _LEAVES_FREE * RESERVE_BYTES:
            return
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
            finally:
                os.close(descriptor)
        except OSError:  # full after all, or a file system that cannot: the spool does without
            with suppress(OSError):
                self.release()
