"""A power cut at any instant: what a commit promised is there, what was under way is there or not, nothing in between.

Between two commits the disk holds any mixture, sector by sector, of what it held and of what was being written: first
the journal changes, is synced, and only then may pages of the file change. Each such mixture is opened as the next
start would. A SIGKILL leaves one of the mixtures as well: a beginning of what was written, in order.
"""

import random
from pathlib import Path
from typing import NamedTuple

import pytest

from siloscope_contract.packs import Sample
from siloscope_edge import spool_file
from siloscope_edge.config import SpoolLimits
from siloscope_edge.directory import open_spool
from siloscope_edge.instants import Stamp
from siloscope_edge.spool import Spool
from siloscope_edge.spool_file import FILE_NAME, connect
from siloscope_process.clock import ManualClock
from tests.edge.fake_kernel import FakeKernel

NOW_MS = 1_790_000_000_000
SECTOR = 512
LIMITS = SpoolLimits(max_bytes=262_144)
Packs = dict[int, bytes]


class Disk(NamedTuple):
    """What the disk holds of a spool: the file and its journal."""

    file: bytes
    journal: bytes

    @classmethod
    def of(cls, directory: Path) -> "Disk":
        journal = directory / f"{FILE_NAME}-wal"
        return cls((directory / FILE_NAME).read_bytes(), journal.read_bytes() if journal.exists() else b"")

    def put(self, directory: Path) -> None:
        directory.mkdir()
        (directory / FILE_NAME).write_bytes(self.file)
        (directory / f"{FILE_NAME}-wal").write_bytes(self.journal)


def mixed(before: bytes, after: bytes, chance: random.Random) -> bytes:
    """Return what can be on the disk while one becomes the other."""
    if chance.random() < 0.5:  # in order, and torn within a sector
        end = chance.randint(0, len(after))
        return after[:end] + before[end:]
    size = chance.choice((len(before), len(after)))
    found = bytearray(size)
    for at in range(0, size, SECTOR):
        source = chance.choice((before, after)) if at < len(before) else chance.choice((after, bytes(size)))
        found[at : at + SECTOR] = (source[at : at + SECTOR] + bytes(SECTOR))[: min(SECTOR, size - at)]
    return bytes(found)


def cuts(before: Disk, after: Disk, chance: random.Random) -> list[Disk]:
    """Return some of what a power cut between two commits can leave."""
    found = [Disk(before.file, mixed(before.journal, after.journal, chance)) for _ in range(3)]
    if before.file != after.file:  # the journal was folded in: it had been synced before
        found += [Disk(mixed(before.file, after.file, chance), after.journal) for _ in range(3)]
    return found


def packs_in(directory: Path) -> Packs:
    connection = connect(directory / FILE_NAME, read_only=True)
    rows = connection.execute("SELECT number, payload FROM pack").fetchall()
    connection.close()
    return {number: bytes(payload) for number, payload in rows}


def act(spool: Spool, turn: int, chance: random.Random) -> None:
    """Do one of the things that an agent does with its spool, in one transaction."""
    if spool.undated and chance.random() < 0.2:
        spool.date(Stamp(NOW_MS, known=True))
        return
    at_ms = turn * 1000 + (0 if chance.random() < 0.3 else NOW_MS)
    names = tuple(f"t{at}" for at in range(chance.randint(1, 400)))
    values: list[float | None] = [chance.random() for _ in names]
    spool.write([Sample("head", at_ms, names, ("Cel",) * len(names), values, [0] * len(names))], [], NOW_MS + turn)


@pytest.mark.parametrize("seed", [1, 2])
def test_after_a_power_cut_at_any_instant_all_that_was_promised_is_there(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_file, "_JOURNAL_BYTES", 65_536)  # so that it is folded in often
    chance = random.Random(seed)
    living = tmp_path / "living"
    living.mkdir()
    spool = Spool(living, LIMITS, NOW_MS, "boot-0")
    before, held = Disk.of(living), packs_in(living)
    folded = evicted = 0
    for turn in range(200):
        act(spool, turn, chance)
        after, holds = Disk.of(living), packs_in(living)
        folded += before.file != after.file
        evicted += bool(held.keys() - holds.keys())
        if chance.random() < 0.15 or before.file != after.file:
            for at, disk in enumerate(cuts(before, after, chance)):
                where = tmp_path / f"{turn}-{at}"
                disk.put(where)
                assert packs_after_a_start(where) in (held, holds)
        before, held = after, holds
    assert folded > 1
    assert evicted > 1
    spool.close(NOW_MS)


def packs_after_a_start(directory: Path) -> Packs:
    kernel = FakeKernel(NOW_MS)
    started, gaps = open_spool(directory, LIMITS, ManualClock(), None, kernel)
    assert not list(directory.glob("*.damaged-*")), "a power cut is no damage"
    assert all(gap.detail for gap in gaps)
    number = started.next_number
    found = packs_in(directory)
    assert not found or max(found) < number, "a number could be used twice"
    started.close(NOW_MS)
    return found
