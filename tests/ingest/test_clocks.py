"""Clocks are judged by their arrivals: steps, drift and the future are seen, and a backlog fools nobody."""

from collections import Counter

import pytest

from siloscope_ingest.clocks import ClockWatch
from siloscope_process.clock import to_ms
from siloscope_store.clocks import ClockEvent

NOW_MS = 1_800_000_000_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
NODE, ORG = 7, 1


class Node:
    """A node that sends a sample every ten seconds, in a world of its own."""

    def __init__(self, *, heartbeats: bool = False) -> None:
        self.counted: Counter[str] = Counter()
        self.watch = ClockWatch(60_000, lambda kind: self.counted.update([kind]))
        self.now_ms = self.said_ms = NOW_MS
        self.heartbeats = heartbeats

    def live(self, minutes: float, offset_ms: float = 0, drift_ms_a_minute: float = 0) -> None:
        """Live samples, by a clock that is off."""
        for _ in range(round(minutes * 6)):
            self.now_ms += 10_000
            offset_ms += drift_ms_a_minute / 6
            said_ms = round(self.now_ms + offset_ms)
            if self.heartbeats:
                self.watch.heartbeat(NODE, ORG, said_ms, self.now_ms)
            else:
                self.watch.packs(NODE, ORG, said_ms - 500, self.now_ms)

    def stands(self, minutes: float, *, again: bool = False, every_s: int = 10) -> None:
        """New messages come, of a clock that stands still; or one is delivered again and again."""
        self.said_ms = self.now_ms - 500
        self.stands_on(minutes, again=again, every_s=every_s)

    def stands_on(self, minutes: float, *, again: bool = False, every_s: int = 10) -> None:
        """Go on so."""
        for _ in range(round(minutes * 60 / every_s)):
            self.now_ms += every_s * 1000
            if self.heartbeats:
                self.watch.heartbeat(NODE, ORG, self.said_ms, self.now_ms)
            else:
                self.watch.packs(NODE, ORG, self.said_ms, self.now_ms, again=again)

    def silent(self, minutes: float) -> None:
        """The link is down."""
        self.now_ms += round(minutes * MINUTE_MS)

    def backlog(self, since_ms: int, speed: float, *, beside_live: bool) -> None:
        """What was sampled since, in order and at a bounded rate."""
        at_ms = since_ms
        while at_ms < self.now_ms:
            self.now_ms += 1_000
            at_ms += round(speed * 1_000)
            self.watch.packs(NODE, ORG, at_ms, self.now_ms)
            if beside_live and self.now_ms % 10_000 == 0:
                self.watch.packs(NODE, ORG, self.now_ms - 200, self.now_ms)

    def events(self) -> list[ClockEvent]:
        return self.watch.take()[0]

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events()]


@pytest.mark.parametrize("heartbeats", [False, True])
def test_a_clock_that_is_right_makes_no_event(heartbeats: bool) -> None:
    node = Node(heartbeats=heartbeats)
    node.live(600)
    assert node.events() == []


@pytest.mark.parametrize(
    ("speed", "beside_live"), [(2.0, True), (20.0, True), (2.0, False), (20.0, False), (1.3, False)]
)
def test_a_backlog_fools_nobody(speed: float, beside_live: bool) -> None:
    node = Node()
    node.live(30)
    left_ms = node.now_ms
    node.silent(180)
    node.backlog(left_ms, speed, beside_live=beside_live)
    node.live(30)
    assert node.events() == []


def test_a_backlog_sent_again_after_a_restart_of_ingest_fools_nobody() -> None:
    node = Node()
    node.backlog(node.now_ms - 6 * HOUR_MS, 30.0, beside_live=True)
    node.live(30)
    assert node.events() == []


@pytest.mark.parametrize("heartbeats", [False, True])
@pytest.mark.parametrize(("step_ms", "kind"), [(-HOUR_MS, "step_back"), (-20 * 365 * 24 * HOUR_MS, "step_back")])
def test_a_step_back_is_seen_once_with_its_size(heartbeats: bool, step_ms: int, kind: str) -> None:
    node = Node(heartbeats=heartbeats)
    node.live(30)
    node.live(30, step_ms)
    (event,) = node.events()
    assert event.kind == kind
    assert event.offset_s == pytest.approx(step_ms / 1000, abs=1)
    assert event.before_s == pytest.approx(0, abs=1)
    node.live(30)
    assert node.kinds() == ["step_forward"]
    assert node.counted == {kind: 1, "step_forward": 1}


@pytest.mark.parametrize("heartbeats", [False, True])
def test_a_clock_ahead_is_an_event_with_a_beginning_and_an_end(heartbeats: bool) -> None:
    node = Node(heartbeats=heartbeats)
    node.live(10)
    node.watch.take()
    node.live(10, 2 * HOUR_MS)
    found = node.events()
    assert [event.kind for event in found] == ["ahead", "step_forward"]
    assert found[0].until is None
    node.live(10)
    events, ended = node.watch.take()
    assert [event.kind for event in events] == ["step_back"]
    assert list(ended) == [NODE]


def test_one_sample_from_the_future_is_an_event_at_once() -> None:
    node = Node()
    node.watch.ahead(NODE, ORG, 7_200_000, NOW_MS)
    node.watch.ahead(NODE, ORG, 7_200_000, NOW_MS + 1_000)
    (event,) = node.events()
    assert (event.kind, event.offset_s, event.until) == ("ahead", 7200.0, None)


@pytest.mark.parametrize("heartbeats", [False, True])
@pytest.mark.parametrize("drift", [-500, 500])
def test_a_drift_is_told_from_a_step(heartbeats: bool, drift: int) -> None:
    node = Node(heartbeats=heartbeats)
    node.live(10)
    node.live(140, 0, drift)
    found = [event for event in node.events() if event.kind != "ahead"]
    assert [event.kind for event in found] == ["drift"]
    assert abs(found[0].offset_s - (found[0].before_s or 0)) > 60
    assert found[0].until is not None


def test_an_agent_that_says_a_wrong_time_from_the_beginning_is_seen() -> None:
    node = Node(heartbeats=True)
    node.live(10, -3 * HOUR_MS)
    (event,) = node.events()
    assert (event.kind, event.before_s) == ("step_back", None)


@pytest.mark.parametrize("heartbeats", [False, True])
@pytest.mark.parametrize("every_s", [10, 900])
def test_a_clock_that_stands_still_has_drifted(heartbeats: bool, every_s: int) -> None:
    node = Node(heartbeats=heartbeats)
    node.live(30)
    stopped_ms = node.now_ms
    node.stands(110, every_s=every_s)
    assert node.events() == []
    node.stands_on(60, every_s=every_s)
    (event,) = node.events()
    assert event.kind == "drift"
    assert event.before_s == pytest.approx(0, abs=every_s + 60)
    assert event.offset_s == pytest.approx(-7200, abs=2 * every_s + 120)
    assert abs(to_ms(event.since) - stopped_ms) <= every_s * 1000 + MINUTE_MS
    node.stands_on(600, every_s=every_s)
    assert node.events() == []
    node.live(30)
    assert node.kinds() == ["step_forward"]


def test_who_tells_of_the_last_full_hour_has_no_clock_that_stands_still() -> None:
    node = Node()
    node.live(30)
    for _ in range(24):
        node.stands(60)
    assert "drift" not in node.kinds()


def test_a_message_that_is_delivered_again_and_again_is_no_clock_that_stands_still() -> None:
    node = Node()
    node.live(30)
    node.stands(600, again=True)
    assert node.events() == []


def test_what_could_not_be_written_is_written_later() -> None:
    node = Node()
    node.watch.ahead(NODE, ORG, 7_200_000, NOW_MS)
    node.watch.put_back(*node.watch.take())
    assert node.kinds() == ["ahead"]
