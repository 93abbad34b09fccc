"""What the spool costs the flash: 200 channels every 10 seconds, committed within 2 seconds, at most 300 MB a day."""

import os
import random
from pathlib import Path

import pytest

from siloscope_contract.packs import Sample
from siloscope_edge.config import SpoolLimits
from siloscope_edge.spool import Spool

NOW_MS = 1_790_000_000_000
DEVICES = 25
CHANNELS = 8
PERIOD_S = 10
MINUTES = 10
BLOCK_BYTES = 4096
MOST_A_DAY = 300_000_000


class Blocks:
    """Counts what reaches the disk as a file system does: whole blocks, each once between two syncs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._known: dict[Path, bytes] = {}
        self.written_bytes = 0
        self.count()
        self.written_bytes = 0

    def count(self) -> None:
        """Count the blocks that changed since the last commit."""
        for file in self._directory.glob("spool.sqlite3*"):
            if file.name.endswith("-shm"):  # shared memory: it is never synced
                continue
            before, now = self._known.get(file, b""), file.read_bytes()
            for at in range(0, len(now), BLOCK_BYTES):
                if now[at : at + BLOCK_BYTES] != before[at : at + BLOCK_BYTES]:
                    self.written_bytes += BLOCK_BYTES
            self._known[file] = now


@pytest.mark.parametrize("spread", ["evenly", "in_one_go"])
def test_a_day_of_200_channels_is_at_most_300_megabytes(tmp_path: Path, spread: str) -> None:
    assert os.statvfs(tmp_path).f_bsize <= BLOCK_BYTES
    limits = SpoolLimits()
    spool = Spool(tmp_path, limits, NOW_MS)
    blocks = Blocks(tmp_path)
    chance = random.Random(1)
    names, units = tuple(f"t{at}" for at in range(CHANNELS)), ("Cel",) * CHANNELS
    temperatures = [[round(chance.uniform(5, 25), 1) for _ in names] for _ in range(DEVICES)]
    between_s = PERIOD_S / DEVICES if spread == "evenly" else 0.08
    waiting: list[Sample] = []
    committed_s = 0.0
    for turn in range(60 * MINUTES // PERIOD_S):
        for device in range(DEVICES):
            at_s = turn * PERIOD_S + device * between_s
            if waiting and at_s - committed_s >= limits.commit_interval_s:
                spool.write(waiting, [], NOW_MS + round(1000 * at_s))
                blocks.count()
                waiting, committed_s = [], at_s
            now_c = temperatures[device]
            now_c[:] = [round(value + chance.choice((0, 0, 0, 0.1, -0.1)), 1) for value in now_c]
            waiting.append(
                Sample(f"head-{device}", NOW_MS + round(1000 * at_s), names, units, [*now_c], [0] * CHANNELS)
            )
    spool.close(NOW_MS)
    a_day = blocks.written_bytes * 24 * 60 / MINUTES
    assert a_day <= MOST_A_DAY, f"{a_day / 1e6:.0f} MB"
    assert a_day >= 10_000_000, "hardly anything was counted"
