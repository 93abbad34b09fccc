"""A sender over a real spool and a link of our own: what is said when, and what is let go by whose word."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from siloscope_contract import births, packs, watermarks
from siloscope_contract.births import DeviceBirth, State
from siloscope_contract.packs import Epoch, Sample
from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_contract.watermarks import EpochMark, Watermark
from siloscope_edge.config import Mqtt, SpoolLimits
from siloscope_edge.errors import LinkLost, SubscriptionRefused
from siloscope_edge.keeper import Keeper
from siloscope_edge.link import LastWill
from siloscope_edge.metrics import Metrics
from siloscope_edge.outbox import Outbox, Windows
from siloscope_edge.sender import Sender
from siloscope_edge.spool import Spool
from siloscope_edge.watermark import Generation, Judge
from siloscope_process.clock import ManualClock
from siloscope_process.operations import Health

NODE = NodeName.of("demo", "north-farm", "yard-pi")
SESSION = "c" * 32


class FakeLink:
    """Acknowledges at once, remembers what was said, and breaks when told."""

    def __init__(self, will: LastWill) -> None:
        self.will = will
        self.said: list[tuple[Kind, bytes, int, bool]] = []
        self.refuses = False
        self.kept: bytes | None = None  # the newest watermark, which whoever subscribes is told
        self._incoming: asyncio.Queue[tuple[str, bytes] | LinkLost] = asyncio.Queue()

    async def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool = False) -> None:
        self.said.append((Topic.parse(topic).kind, payload, qos, retain))

    async def subscribe(self, topic: str, *, qos: int) -> None:
        assert (topic, qos) == (Topic(NODE, Kind.COMMITTED).text(), 0)
        if self.refuses:
            raise SubscriptionRefused(f"the broker refuses the subscription to {topic}")
        if self.kept is not None:
            self.hear(self.kept)

    async def received(self) -> tuple[str, bytes]:
        message = await self._incoming.get()
        if isinstance(message, LinkLost):
            raise message
        return message

    def hear(self, payload: bytes) -> None:
        self._incoming.put_nowait((Topic(NODE, Kind.COMMITTED).text(), payload))

    def lose(self) -> None:
        self._incoming.put_nowait(LinkLost("cut"))

    def of(self, kind: Kind) -> list[bytes]:
        return [payload for said, payload, _, _ in self.said if said is kind]

    def seqs(self) -> list[int | None]:
        return [packs.decode(payload, received_ms=0).seq for payload in self.of(Kind.SAMPLES)]


class Office:
    """A sender at work."""

    def __init__(self, directory: Path) -> None:
        self.clock = ManualClock()
        self.spool = Spool(directory, SpoolLimits(), self.clock.now_ms())
        self.health = Health(["link", "spool"])
        metrics = Metrics(CollectorRegistry())
        self.keeper = Keeper(self.spool, SpoolLimits(), self.clock, metrics, self.health)
        self.outbox = Outbox(Windows(), self.spool.owed())
        self.judge = Judge(SESSION, self.spool.epoch)
        self.links: list[FakeLink] = []
        self.refuses = False
        self.refuses_to_tell = False
        self.sender = Sender(
            NODE,
            SESSION,
            [DeviceBirth("head")],
            self.keeper,
            self.outbox,
            self.judge,
            self._connect,
            Mqtt("127.0.0.1"),
            self.clock,
            metrics,
            self.health,
        )

    @property
    def link(self) -> FakeLink:
        return self.links[-1]

    async def spool_one(self) -> None:
        at_ms = self.clock.now_ms() + self.spool.next_number % 1000
        self.keeper.take(Sample("head", at_ms, ("t1",), ("Cel",), [1.0], [0]))
        assert await self.keeper.flush()

    def mark(self, generation: str, below: int, *answered: str) -> bytes:
        marks = {Epoch(self.spool.epoch): EpochMark(below, below)}
        return watermarks.encode(Watermark("store", generation, list(answered), marks))

    def announced(self) -> list[births.Birth]:
        return [births.decode_birth(payload) for payload in self.link.of(Kind.BIRTH)]

    @asynccontextmanager
    async def _connect(self, will: LastWill) -> AsyncIterator[FakeLink]:
        if self.refuses:
            raise LinkLost("refused")
        self.links.append(FakeLink(will))
        self.link.refuses = self.refuses_to_tell
        yield self.link


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop and the spool's thread work until the condition holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    made = Office(tmp_path)
    task = asyncio.create_task(made.sender.run())
    await until(lambda: bool(made.links) and bool(made.link.of(Kind.HEARTBEAT)))
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await made.keeper.close()


async def test_it_announces_itself_retained_and_leaves_a_will(office: Office) -> None:
    kinds = [(kind, qos, retain) for kind, _, qos, retain in office.link.said]
    assert kinds == [(Kind.BIRTH, 1, True), (Kind.STATUS, 1, True), (Kind.HEARTBEAT, 0, False)]
    will = births.decode_status(office.link.will.payload)
    assert (will.state, will.session) == (State.OFFLINE, SESSION)
    assert [device.name for device in office.announced()[0].devices] == ["head"]
    assert births.decode_status(office.link.of(Kind.STATUS)[0]).state is State.ONLINE


async def test_nothing_is_sent_before_its_spool_commit(office: Office) -> None:
    office.keeper.take(Sample("head", office.clock.now_ms(), ("t1",), ("Cel",), [1.0], [0]))
    await office.clock.settle()
    assert office.link.seqs() == []
    assert await office.keeper.flush()
    await until(lambda: office.link.seqs() == [1])


async def test_an_acknowledgement_deletes_nothing_a_believed_mark_lets_go(office: Office) -> None:
    await office.spool_one()
    await until(lambda: office.link.seqs() == [1] and office.outbox.unacknowledged == 0)
    assert len(office.spool.owed()) == 1
    office.link.hear(office.mark("first", 2, SESSION))
    await until(lambda: office.outbox.owed == 0)
    assert not office.spool.owed()
    assert office.spool.spans[0].lowest == 1  # kept, though committed


async def test_a_mark_that_did_not_answer_this_birth_lets_nothing_go_and_is_asked_again(office: Office) -> None:
    await office.spool_one()
    office.link.hear(office.mark("first", 2, "another session"))
    await office.clock.run_for(5)
    assert len(office.announced()) == 1
    assert len(office.spool.owed()) == 1
    await office.clock.run_for(6)
    office.link.hear(office.mark("first", 2, "another session"))
    await until(lambda: len(office.announced()) == 2)
    assert len(office.spool.owed()) == 1


@pytest.mark.parametrize("payload", [b"{", b"[]", b'{"store": 1}'])
async def test_a_malformed_mark_is_passed_over(office: Office, payload: bytes) -> None:
    await office.spool_one()
    office.link.hear(payload)
    office.link.hear(office.mark("first", 2, SESSION))
    await until(lambda: office.outbox.owed == 0)


async def test_a_mark_above_what_was_assigned_lets_nothing_go(office: Office) -> None:
    await office.spool_one()
    office.link.hear(office.mark("first", 99, SESSION))
    await until(lambda: office.judge.believed is not None)
    assert len(office.spool.owed()) == 1


async def test_another_generation_is_asked_at_once_and_given_again_what_it_lacks(office: Office) -> None:
    for _ in range(3):
        await office.spool_one()
    office.link.hear(office.mark("first", 4, SESSION))
    await until(lambda: office.outbox.owed == 0)
    await office.clock.run_for(30)
    office.link.hear(office.mark("restored", 2))
    await until(lambda: len(office.announced()) == 2)
    assert office.outbox.owed == 0
    office.link.hear(office.mark("restored", 2, SESSION))
    await until(lambda: office.outbox.owed == 2)
    await until(lambda: office.link.seqs()[3:] == [2, 3])


async def test_a_generation_that_lacks_what_it_held_is_told_so_now_and_then(office: Office) -> None:
    for _ in range(3):
        await office.spool_one()
    office.link.hear(office.mark("first", 4, SESSION))
    await until(lambda: office.outbox.owed == 0)
    office.link.hear(office.mark("first", 2, SESSION))
    await office.clock.run_for(11)
    office.link.hear(office.mark("first", 2, SESSION))
    office.link.hear(office.mark("first", 2, SESSION))
    await until(lambda: len(office.announced()) == 2)
    assert office.announced()[-1].committed == {office.spool.epoch: 4}
    assert office.outbox.owed == 0  # an old mark that the broker kept says the same


async def test_a_node_that_hears_nothing_asks_for_what_the_broker_keeps(office: Office) -> None:
    await office.spool_one()
    await until(lambda: office.link.seqs() == [1])
    office.link.kept = office.mark("first", 2, SESSION)  # it was published, and never arrived
    await office.clock.run_for(25)
    assert office.outbox.owed == 1
    await office.clock.run_for(10)
    await until(lambda: office.outbox.owed == 0)
    assert office.link.seqs() == [1, 1]
    assert len(office.links) == 1


async def test_a_broker_that_does_not_let_it_listen_is_tried_again_and_gets_nothing_meanwhile(office: Office) -> None:
    office.refuses_to_tell = True
    office.link.lose()
    await until(lambda: not office.health.report()["checks"]["link"]["ok"])  # type: ignore[index]  # JSON
    await office.spool_one()
    await until(lambda: office.clock.sleepers > 0)
    await office.clock.run_for(2)
    await until(lambda: len(office.links) == 2)
    await until(lambda: "refuses the subscription" in str(office.health.report()))
    assert not office.link.said
    office.refuses_to_tell = False
    await until(lambda: office.clock.sleepers > 0)
    await office.clock.run_for(5)
    await until(lambda: len(office.links) == 3 and bool(office.link.of(Kind.HEARTBEAT)))


async def test_a_superseded_generation_may_show_under_a_new_session_that_it_lives(office: Office) -> None:
    await office.spool_one()
    office.link.hear(office.mark("first", 1, SESSION))
    office.link.hear(office.mark("second", 1, SESSION))
    await until(lambda: office.judge.believed == Generation("store", "second"))
    office.link.hear(office.mark("first", 2, SESSION))
    await office.clock.run_for(301)
    assert len(office.spool.owed()) == 1
    office.link.hear(office.mark("first", 2, SESSION))
    await until(lambda: len({birth.session for birth in office.announced()}) == 2)
    office.link.hear(office.mark("first", 2, office.announced()[-1].session))
    await until(lambda: office.outbox.owed == 0)


async def test_after_a_lost_link_all_that_is_owed_goes_over_the_next(office: Office) -> None:
    await office.spool_one()
    await until(lambda: office.link.seqs() == [1])
    office.link.lose()
    await until(lambda: not office.health.report()["checks"]["link"]["ok"])  # type: ignore[index]  # JSON
    await office.spool_one()
    await until(lambda: office.clock.sleepers > 0)
    await office.clock.run_for(2)
    await until(lambda: len(office.links) == 2 and bool(office.link.of(Kind.HEARTBEAT)))
    office.link.hear(office.mark("first", 1, SESSION))
    await office.clock.run_for(1)
    await until(lambda: office.link.seqs() == [1, 2])


async def test_a_stop_says_goodbye(tmp_path: Path) -> None:
    other = Office(tmp_path)
    task = asyncio.create_task(other.sender.run())
    await until(lambda: bool(other.links) and bool(other.link.of(Kind.HEARTBEAT)))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert births.decode_status(other.link.of(Kind.STATUS)[-1]).state is State.OFFLINE
    await other.keeper.close()


async def test_a_pack_that_no_message_can_hold_is_set_aside_and_declared(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("siloscope_edge.sender.MAX_WIRE_BYTES", 400)
    names = tuple(f"t{at}" for at in range(100))
    office.keeper.take(
        Sample("head", office.clock.now_ms(), names, ("Cel",) * 100, [float(at) for at in range(100)], [0] * 100)
    )
    assert await office.keeper.flush()
    await until(lambda: bool(office.keeper._gaps))
    assert office.link.of(Kind.SAMPLES) == []
    assert await office.keeper.flush()
    await until(lambda: bool(office.link.of(Kind.SAMPLES)))
    (said,) = [packs.decode(payload, received_ms=0) for payload in office.link.of(Kind.SAMPLES)]
    assert said.seq == 2
    (gap,) = said.gaps
    assert (gap.kind, gap.epoch, gap.first_seq, gap.last_seq) == ("evicted", office.spool.epoch, 1, 1)
    assert "no message may be so large" in gap.detail
