"""How long the disk takes to keep a page: what a durable commit waits for at the least."""

import asyncio
import os
import threading
import time
from pathlib import Path

from siloscope_benchmarks.watching import Latency

_PAGE = bytes(8192)
_PAGES = 512
_EVERY_S = 0.05


class DiskProber:
    """Writes a page of 8 KiB to a file of its own every 50 ms, and waits until the disk has it.

    A page that was due while the disk stood still counts from when it was due, as what nodes publish meanwhile does:
    else a stall of a second, in which twenty pages were due, would be one slow page.

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
            due_s = time.monotonic() + _EVERY_S
            while not stop.wait(max(0.0, due_s - time.monotonic())):
                if file.tell() >= _PAGES * len(_PAGE):
                    file.seek(0)
                began_s = time.monotonic()
                file.write(_PAGE)
                os.fdatasync(file.fileno())
                done_s = time.monotonic()
                while due_s <= began_s:  # one page stands for all that were due, as one commit does
                    self._found_ms.append((done_s - due_s) * 1000)
                    due_s += _EVERY_S
