"""What has no date waits, is dated once before it is first sent, and never again: through boots, steps and kills."""

import asyncio
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Sample, decode
from siloscope_contract.quality import Quality
from siloscope_edge.clock_guard import ClockGuard
from siloscope_edge.clock_settings import ClockSettings
from siloscope_edge.config import SpoolLimits
from siloscope_edge.directory import open_spool
from siloscope_edge.keeper import Keeper
from siloscope_edge.metrics import Metrics
from siloscope_edge.outbox import Outbox, Send, Windows
from siloscope_edge.spans import Spans
from siloscope_edge.spool import Spool, Written
from siloscope_edge.spool_file import FILE_NAME, connect
from siloscope_process.clock import ManualClock
from siloscope_process.operations import Health
from tests.edge.fake_kernel import FakeKernel

TRUE_MS = 1_790_000_000_000
LIMITS = SpoolLimits()
SETTINGS = ClockSettings(wait_s=600, holdover_s=86_400)


class Pi:
    """A small computer over its boots and its agent's starts; a reading's value is the second that it was read in."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.kernel = FakeKernel(TRUE_MS)
        self.sent: dict[int, bytes] = {}
        self.read: set[int] = set()
        self.start()

    def start(self) -> None:
        """Start the agent; what was before is killed: nothing of it is closed."""
        self.spool, gaps = open_spool(self.directory, LIMITS, ManualClock(), None, self.kernel)
        self.guard = ClockGuard(self.kernel, SETTINGS, self.spool.boot_base, self.spool.newest_known_ms or 0)
        health = Health(["spool"])
        self.keeper = Keeper(self.spool, LIMITS, ManualClock(), Metrics(CollectorRegistry()), health, self.guard)
        self.outbox = Outbox(Windows(unacknowledged=10**6, uncommitted=10**6, settle_s=0), self.spool.owed())
        self.outbox.connected(0, self.spool.next_number)
        self.keeper.on_written = self._written
        for gap in gaps:
            self.keeper.take_gap(gap)

    async def take(self) -> None:
        """Read, and keep what was read."""
        self.read.add(self.kernel.true_ms // 1000)
        value = float(self.kernel.true_ms // 1000)
        self.keeper.take(Sample("head", self.guard.boot_ms(), ("t1", "t2"), ("s", None), [value, None], [0, 201]))
        assert await self.keeper.flush()

    async def send(self) -> None:
        """Send all that may be sent; what was sent before must go out as it was."""
        await self.keeper.date()
        self.outbox.connected(0, self.spool.next_number)
        while isinstance(answer := self.outbox.next(10.0**6), Send):
            (payload,) = self.spool.payloads([answer.number]).values()
            assert self.sent.setdefault(answer.number, payload) == payload, "a pack was changed after it was sent"

    def samples(self) -> list[Sample]:
        return [each for payload in self.sent.values() for each in decode(payload, received_ms=0).samples]

    def gaps(self) -> list[Gap]:
        return [each for payload in self.sent.values() for each in decode(payload, received_ms=0).gaps]

    async def close(self) -> None:
        await self.keeper.close()

    def _written(self, written: Written) -> None:
        for first, end in written.sendable:
            self.outbox.spooled(first, end)


@pytest.fixture
def pi(tmp_path: Path) -> Pi:
    made = Pi(tmp_path)
    made.kernel.reboot(60, error_s=-40_000_000)
    made.start()
    return made


async def test_nothing_is_sent_before_the_clock_is_known_and_then_all_has_its_right_date(pi: Pi) -> None:
    for _ in range(3):
        await pi.take()
        await pi.send()
        pi.kernel.pass_time(10)
    assert pi.sent == {}
    assert pi.spool.undated == 3
    pi.kernel.synchronise()
    await pi.send()
    assert [(each.time_ms // 1000, each.quality) for each in pi.samples()] == [
        (int(each.values[0] or 0), [0, 201]) for each in pi.samples()
    ]
    assert {each.time_ms // 1000 for each in pi.samples()} == pi.read
    await pi.close()


async def test_after_the_wait_it_is_sent_marked_and_stays_so_when_the_clock_becomes_known(pi: Pi) -> None:
    await pi.take()
    pi.kernel.pass_time(601)
    await pi.send()
    (before,) = pi.samples()
    assert before.quality == [Quality.CLOCK_UNSYNCED, Quality.COMM_FAILURE]
    assert before.time_ms == TRUE_MS + 60_000 - 40_000_000_000
    pi.kernel.synchronise()
    await pi.take()
    await pi.send()
    first, second = pi.samples()
    assert first == before
    assert (second.quality[0], second.time_ms // 1000) == (0, second.values[0])
    await pi.close()


async def test_what_was_not_dated_before_a_power_cut_is_dated_provisionally_at_the_next_boot(pi: Pi) -> None:
    await pi.take()
    pi.kernel.reboot(5, error_s=0)
    pi.kernel.synchronise()
    pi.start()
    await pi.take()
    await pi.send()
    earlier, later = pi.samples()
    assert earlier.quality[0] == Quality.CLOCK_UNSYNCED
    assert later.quality[0] == 0
    assert later.time_ms // 1000 == later.values[0]
    await pi.close()


async def test_what_was_read_before_a_restart_in_the_same_boot_is_dated_by_what_that_boot_learns(pi: Pi) -> None:
    await pi.take()
    pi.kernel.pass_time(20)
    pi.start()
    await pi.take()
    pi.kernel.synchronise()
    await pi.send()
    assert {(each.time_ms // 1000, each.quality[0]) for each in pi.samples()} == {(at, 0) for at in pi.read}
    (off,) = [gap for gap in pi.gaps() if gap.kind is GapKind.AGENT_OFF]
    times = sorted(each.time_ms for each in pi.samples())
    assert times[0] < off.from_ms <= off.to_ms <= times[1]
    await pi.close()


async def test_a_file_of_an_earlier_version_is_taken_on(tmp_path: Path) -> None:
    spool = Spool(tmp_path, LIMITS, TRUE_MS)
    spool.write([Sample("head", TRUE_MS, ("t1",), ("Cel",), [1.0], [0])], [], TRUE_MS)
    spool.close(TRUE_MS)
    with sqlite3.connect(tmp_path / FILE_NAME) as older:
        older.execute("DROP INDEX pack_undated")
        older.execute("ALTER TABLE pack DROP COLUMN dated")
        older.execute("ALTER TABLE epoch DROP COLUMN boot")
        older.execute("DROP TABLE boot")
    older.close()
    taken = Spool(tmp_path, LIMITS, 5_000, "boot-1")
    assert len(taken.owed()) == 1
    assert taken.newest_known_ms == TRUE_MS
    taken.close(TRUE_MS)


def numbers_without_dates(directory: Path) -> Spans:
    connection = connect(directory / FILE_NAME, read_only=True)
    found = Spans((number, number + 1) for (number,) in connection.execute("SELECT number FROM pack WHERE dated = 0"))
    connection.close()
    return found


MOVES = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["take", "take", "send"]), st.just(0.0)),
        st.tuples(st.just("pass"), st.floats(1, 1500)),
        st.tuples(st.just("step"), st.floats(-1e7, 1e7)),
        st.tuples(st.just("boot"), st.floats(-1e7, 1e7)),
        st.tuples(st.sampled_from(["sync", "restart"]), st.just(0.0)),
    ),
    min_size=4,
    max_size=30,
)


@settings(max_examples=60)
@given(MOVES)
def test_through_boots_steps_restarts_and_sends_no_good_reading_has_a_wrong_date(
    moves: list[tuple[str, float]],
) -> None:
    with TemporaryDirectory() as directory:
        asyncio.run(live(Path(directory), moves))


async def live(directory: Path, moves: list[tuple[str, float]]) -> None:
    pi = Pi(directory)
    for move, amount in moves:
        pi.kernel.pass_time(2)
        if move == "take":
            await pi.take()
        elif move == "send":
            await pi.send()
        elif move == "pass":
            pi.kernel.pass_time(amount)
        elif move == "step":
            pi.kernel.step(amount)
        elif move == "sync":
            pi.kernel.synchronise()
        else:
            if move == "boot":
                pi.kernel.reboot(30, error_s=amount)
            pi.start()
    assert numbers_without_dates(directory).without(pi.spool._undated) == Spans()
    pi.kernel.synchronise()
    await pi.send()
    assert {int(each.values[0] or 0) for each in pi.samples()} == pi.read, "a reading was lost"
    assert len(pi.samples()) == len(pi.read), "a reading was doubled"
    for each in pi.samples():
        if each.quality[0] == 0:
            assert each.time_ms // 1000 == each.values[0]
        else:
            assert each.quality[0] == Quality.CLOCK_UNSYNCED
    await pi.close()
