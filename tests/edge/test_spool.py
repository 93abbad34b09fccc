"""The spool keeps what it took, never uses a number twice, and declares what it had to let go."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Epoch, Form, Pack, Sample, decode
from siloscope_contract.watermarks import EpochMark, Watermark
from siloscope_edge.config import SpoolLimits
from siloscope_edge.errors import SpoolFull, SpoolUnusable
from siloscope_edge.spans import Spans
from siloscope_edge.spool import Spool
from siloscope_edge.spool_file import FILE_NAME, connect, set_aside
from siloscope_edge.watermark import Generation, Judge, Verdict

NOW_MS = 1_704_067_200_000
EVICTING = SpoolLimits(thin_to_s=())
SMALL = SpoolLimits(max_bytes=262_144, pack_form=Form.JSON, thin_to_s=())
FIRST = Generation("store", "first")
SECOND = Generation("store", "second")


def sample(at: int, channels: int = 4) -> Sample:
    names = tuple(f"t{index}" for index in range(channels))
    return Sample("head", NOW_MS + at, names, ("Cel",) * channels, [at % 100 / 10] * channels, [0] * channels)


def marked(spool: Spool, generation: Generation, **marks: EpochMark) -> Verdict:
    watermark = Watermark(
        generation.store, generation.generation, ["me"], {Epoch(epoch): mark for epoch, mark in marks.items()}
    )
    return Judge("me", spool.epoch).judge(watermark, spool.assigned)


def packs(spool: Spool) -> list[Pack]:
    numbers = [
        number for span in spool.spans for number in spool.numbers(span.epoch, Spans([(span.lowest, span.next)]))
    ]
    return [decode(payload, received_ms=0) for payload in spool.payloads(numbers).values()]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    opened = Spool(tmp_path, EVICTING, NOW_MS)
    yield opened
    opened.close(NOW_MS)


def test_what_was_written_is_there_after_a_new_start(tmp_path: Path) -> None:
    first = Spool(tmp_path, SpoolLimits(), NOW_MS)
    first.write([sample(1), sample(2)], [], NOW_MS)
    first.write([sample(3)], [], NOW_MS)
    kept = packs(first)  # and then it is killed: nothing is closed
    second = Spool(tmp_path, SpoolLimits(), NOW_MS)
    assert packs(second) == kept
    assert [(pack.epoch, pack.seq) for pack in kept] == [(first.epoch, 1), (first.epoch, 2)]
    assert [len(pack.samples) for pack in kept] == [2, 1]
    assert second.last_sample_ms == NOW_MS + 3
    assert len(second.owed()) == 2


def test_every_start_numbers_in_a_new_epoch(tmp_path: Path) -> None:
    pairs = set()
    for at in range(4):
        spool = Spool(tmp_path, SpoolLimits(), NOW_MS)
        spool.write([sample(at)], [], NOW_MS)
        spool.close(NOW_MS)
        pairs |= {(pack.epoch, pack.seq) for pack in packs_of(tmp_path)}
    assert len(pairs) == 4
    assert {seq for _, seq in pairs} == {1}


def packs_of(directory: Path) -> list[Pack]:
    connection = connect(directory / FILE_NAME, read_only=True)
    rows = connection.execute("SELECT payload FROM pack ORDER BY number").fetchall()
    connection.close()
    return [decode(row[0], received_ms=0) for row in rows]


def test_a_failed_write_changes_nothing_and_uses_no_number(spool: Spool) -> None:
    spool.write([sample(1)], [], NOW_MS)
    spool._connection.execute("PRAGMA max_page_count = 8")
    big = [sample(at, 200) for at in range(300)]
    with pytest.raises(SpoolFull):
        spool.write(big, [], NOW_MS)
    assert spool.assigned[spool.epoch] == 2
    spool._connection.execute("PRAGMA max_page_count = 1000000")
    written = spool.write([sample(2)], [], NOW_MS)
    assert written.spooled[1] - written.spooled[0] == 1
    assert [pack.seq for pack in packs(spool)] == [1, 2]


def test_a_full_disk_gives_up_the_oldest_and_goes_on(spool: Spool) -> None:
    for at in range(50):
        spool.write([sample(at, 60)], [], NOW_MS)
    pages = spool._connection.execute("PRAGMA page_count").fetchone()[0]
    spool._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(SpoolFull):
        spool.write([sample(at, 200) for at in range(60)], [], NOW_MS)
    written = spool.write([sample(at, 100) for at in range(5)], [], NOW_MS, squeeze=True)
    assert written.evicted > 0
    assert any(gap.kind is GapKind.EVICTED for pack in packs(spool) for gap in pack.gaps)


def test_beyond_its_bound_the_oldest_go_and_are_declared_by_number(tmp_path: Path) -> None:
    spool = Spool(tmp_path, SMALL, NOW_MS)
    for at in range(400):
        spool.write([sample(at, 60)], [], NOW_MS)
        assert spool.used_bytes() <= SMALL.max_bytes
    assert_every_number_is_there_or_declared(spool)
    assert spool.spans[0].lowest > 100


def assert_every_number_is_there_or_declared(spool: Spool) -> None:
    there, declared = set[tuple[str | None, int]](), set[tuple[str | None, int]]()
    for pack in packs(spool):
        there.add((pack.epoch, pack.seq or 0))
        for gap in pack.gaps:
            if gap.kind is GapKind.EVICTED and gap.first_seq is not None and gap.last_seq is not None:
                declared |= {(gap.epoch, seq) for seq in range(gap.first_seq, gap.last_seq + 1)}
    for epoch, following in spool.assigned.items():
        for seq in range(1, following):
            assert ((epoch, seq) in there) != ((epoch, seq) in declared), (epoch, seq)


def test_what_an_evicted_pack_declared_is_declared_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, SMALL, NOW_MS)
    off = Gap(GapKind.AGENT_OFF, NOW_MS - 5000, NOW_MS, detail="the agent was off")
    spool.write([], [off], NOW_MS)
    for at in range(1500):
        spool.write([sample(at, 60)], [], NOW_MS)
    found = [gap for pack in packs(spool) for gap in pack.gaps]
    assert off in found
    assert_every_number_is_there_or_declared(spool)


def test_committed_packs_go_first_and_without_a_gap_record(tmp_path: Path) -> None:
    spool = Spool(tmp_path, SMALL, NOW_MS)
    for at in range(40):
        spool.write([sample(at, 60)], [], NOW_MS)
    spool.account(marked(spool, FIRST, **{spool.epoch: EpochMark(31, 31)}), FIRST, NOW_MS)
    written = 0
    while spool.spans[0].lowest < 25:
        written += spool.write([sample(100, 60)], [], NOW_MS).evicted
    assert written == 0
    assert not any(pack.gaps for pack in packs(spool))


def test_committed_packs_stay_for_their_time_and_then_go(spool: Spool) -> None:
    for at in range(3):
        spool.write([sample(at)], [], NOW_MS + at * 86_400_000)
    spool.account(marked(spool, FIRST, **{spool.epoch: EpochMark(3, 3)}), FIRST, NOW_MS)
    week_ms = 7 * 86_400_000
    assert spool.write([], [], NOW_MS + week_ms, trim_committed=True).gone == []
    spool.write([], [], NOW_MS + week_ms + 1, trim_committed=False)
    assert spool.spans[0].lowest == 1
    spool.write([], [], NOW_MS + week_ms + 1, trim_committed=True)
    assert spool.spans[0].lowest == 2
    spool.write([], [], NOW_MS + 9 * week_ms, trim_committed=True)
    assert spool.spans[0].lowest == 3  # the third is not committed and stays for ever


def test_marks_outlive_the_process(tmp_path: Path) -> None:
    first = Spool(tmp_path, SpoolLimits(), NOW_MS)
    for at in range(5):
        first.write([sample(at)], [], NOW_MS)
    first.account(marked(first, FIRST, **{first.epoch: EpochMark(2, 5, [(3, 3)])}), FIRST, NOW_MS)
    second = Spool(tmp_path, SpoolLimits(), NOW_MS)
    assert second.generation == FIRST
    assert second.owed() == second.numbers(first.epoch, Spans([(3, 4), (5, 6)]))


def test_a_new_generation_is_owed_everything_again_even_after_a_kill(tmp_path: Path) -> None:
    first = Spool(tmp_path, SpoolLimits(), NOW_MS)
    for at in range(5):
        first.write([sample(at)], [], NOW_MS)
    first.account(marked(first, FIRST, **{first.epoch: EpochMark(6, 6)}), FIRST, NOW_MS)
    assert not first.owed()
    first.account(marked(first, SECOND, **{first.epoch: EpochMark(3, 3)}), SECOND, NOW_MS)
    assert len(first.owed()) == 3
    second = Spool(tmp_path, SpoolLimits(), NOW_MS)  # killed before the marks' turn
    assert len(second.owed()) == 3
    assert second.generation == SECOND


def test_a_database_behind_what_is_kept_is_told_what_will_never_come(spool: Spool) -> None:
    for at in range(6):
        spool.write([sample(at)], [], NOW_MS)
    spool.account(marked(spool, FIRST, **{spool.epoch: EpochMark(5, 5)}), FIRST, NOW_MS)
    spool.write([], [], NOW_MS + 30 * 86_400_000, trim_committed=True)
    assert spool.spans[0].lowest == 5
    written = spool.account(marked(spool, SECOND, **{spool.epoch: EpochMark(3, 3)}), SECOND, NOW_MS + 40 * 86_400_000)
    assert written is not None
    assert written.spooled[1] - written.spooled[0] == 1
    lost = declared(packs(spool))
    assert [(gap.kind, gap.first_seq, gap.last_seq) for gap in lost] == [(GapKind.EVICTED, 3, 4)]
    assert [(gap.from_ms, gap.to_ms) for gap in lost] == [(NOW_MS, NOW_MS + 3)]  # an hour shares one note


def declared(found: list[Pack]) -> list[Gap]:
    return [gap for pack in found for gap in pack.gaps]


def test_what_a_new_generation_lacks_is_declared_even_when_killed_right_after_its_confirmation(tmp_path: Path) -> None:
    first = Spool(tmp_path, SpoolLimits(), NOW_MS)
    for at in range(6):
        first.write([sample(at)], [], NOW_MS)
    first.account(marked(first, FIRST, **{first.epoch: EpochMark(5, 5)}), FIRST, NOW_MS)
    first.write([], [], NOW_MS + 30 * 86_400_000, trim_committed=True)
    first.account(marked(first, SECOND, **{first.epoch: EpochMark(2, 2)}), SECOND, NOW_MS)
    second = Spool(tmp_path, SpoolLimits(), NOW_MS)  # killed: nothing more was written
    assert second.generation == SECOND
    assert [(gap.first_seq, gap.last_seq) for gap in declared(packs(second))] == [(2, 4)]
    assert second.account(marked(second, SECOND, **{first.epoch: EpochMark(2, 2)}), SECOND, NOW_MS) is None


def test_a_full_disk_leaves_the_new_generation_unconfirmed(spool: Spool) -> None:
    for at in range(4):
        spool.write([sample(at)], [], NOW_MS)
    spool.account(marked(spool, FIRST, **{spool.epoch: EpochMark(5, 5)}), FIRST, NOW_MS)
    spool.write([], [], NOW_MS + 30 * 86_400_000, trim_committed=True)
    spool._connection.execute("PRAGMA query_only = 1")
    with pytest.raises(SpoolFull):
        spool.account(marked(spool, SECOND, **{spool.epoch: EpochMark(1, 1)}), SECOND, NOW_MS)
    assert spool.generation == FIRST
    spool._connection.execute("PRAGMA query_only = 0")
    assert spool.account(marked(spool, SECOND, **{spool.epoch: EpochMark(1, 1)}), SECOND, NOW_MS) is not None


def test_what_left_is_remembered_by_the_hour(spool: Spool) -> None:
    for at in range(4):
        spool.write([sample(at * 1_800_000)], [], NOW_MS)  # half an hour apart
    spool.account(marked(spool, FIRST, **{spool.epoch: EpochMark(5, 5)}), FIRST, NOW_MS)
    spool.write([], [], NOW_MS + 30 * 86_400_000, trim_committed=True)
    spool.account(marked(spool, SECOND, **{spool.epoch: EpochMark(4, 4)}), SECOND, NOW_MS)
    [lost] = declared(packs(spool))
    assert (lost.first_seq, lost.last_seq) == (4, 4)
    assert (lost.from_ms, lost.to_ms) == (NOW_MS + 5_400_000, NOW_MS + 5_400_000)


def test_a_span_says_what_times_the_owed_packs_are_of(spool: Spool) -> None:
    for at in range(5):
        spool.write([sample(at * 1000)], [], NOW_MS)
    spool.account(marked(spool, FIRST, **{spool.epoch: EpochMark(3, 3)}), FIRST, NOW_MS)
    assert [(each.owed_from_ms, each.owed_to_ms) for each in spool.spans] == [(NOW_MS + 2000, NOW_MS + 4000)]
    spool.account(marked(spool, FIRST, **{spool.epoch: EpochMark(6, 6)}), FIRST, NOW_MS)
    assert [(each.owed_from_ms, each.owed_to_ms) for each in spool.spans] == [(None, None)]


def test_a_damaged_file_is_refused_and_can_be_set_aside(tmp_path: Path) -> None:
    spool = Spool(tmp_path, SpoolLimits(), NOW_MS)
    for at in range(200):
        spool.write([sample(at, 60)], [], NOW_MS)
    spool.close(NOW_MS)
    file = tmp_path / FILE_NAME
    content = bytearray(file.read_bytes())
    content[8192:16384] = b"\x5a" * 8192
    file.write_bytes(content)
    with pytest.raises(SpoolUnusable):
        Spool(tmp_path, SpoolLimits(), NOW_MS)
    kept = set_aside(file, "20240101")
    assert kept.read_bytes() == bytes(content)
    fresh = Spool(tmp_path, SpoolLimits(), NOW_MS)
    assert fresh.owed() == Spans()
    fresh.close(NOW_MS)


@pytest.mark.parametrize("content", [b"no database at all" * 100, b""])
def test_what_is_no_spool_is_refused_but_an_empty_file_is_a_new_one(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    if content:
        with pytest.raises(SpoolUnusable):
            Spool(tmp_path, SpoolLimits(), NOW_MS)
    else:
        Spool(tmp_path, SpoolLimits(), NOW_MS).close(NOW_MS)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / FILE_NAME)
    other.execute("CREATE TABLE pack (something TEXT)")
    other.close()
    with pytest.raises(SpoolUnusable):
        Spool(tmp_path, SpoolLimits(), NOW_MS)


def test_large_batches_are_cut_within_the_wires_bounds(spool: Spool) -> None:
    samples = [sample(at, 250) for at in range(60)]
    spool.write(samples, [], NOW_MS)
    found = packs(spool)
    assert [each for pack in found for each in pack.samples] == samples
    assert len(found) > 1
