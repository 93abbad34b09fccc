"""How long the disk takes to keep a page: what a durable commit waits for at the least."""

import asyncio
import os
import threading
import time
from pathlib import Path

from siloscope_benchmarks.watching import Latency

_PAGE = bytes(8192)
_PAGES = 512
_EVERY_S = 0.02


class DiskProber:
    """Writes a page of 8 KiB to a file of its own every 20 ms, and waits until the disk has it.

    Args:
        folder: On the disk that is asked.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "disk-probe"
        self._found_ms: list[float] = []

    async def run(self) -> None:
        """Write until cancelled."""
        stop = threading.Event()
        writing = asyncio.ensure_future(asyncio.to_thread(self._write, stop))
        try:
            await asyncio.shield(writing)
        finally:
            stop.set()
            await writing

    def latency(self) -> Latency | None:
        """Return what was seen."""
        return Latency.of(self._found_ms)

    def _write(self, stop: threading.Event) -> None:
        # The pages are laid out before, as those of a server's log are.
        self._file.write_bytes(_PAGE * _PAGES)
        with self._file.open("r+b", buffering=0) as file:
            os.fsync(file.fileno())
            while not stop.wait(_EVERY_S):
                if len(self._found_ms) % _PAGES == 0:
                    file.seek(0)
                began_s = time.monotonic()
                file.write(_PAGE)
                os.fdatasync(file.fileno())
                self._found_ms.append((time.monotonic() - began_s) * 1000)
