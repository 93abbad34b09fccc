"""What the nodes' clocks do, as their arrivals show it: ahead, stepped, or drifting.

Looked at is how far the newest sample of a minute is ahead of its arrival. A backlog is late but ordered, and live
samples come beside it, so that the newest of a minute tells the clock. An agent's heartbeat says its time outright and
is never late; where there are heartbeats, packs are not asked. Where new messages come for hours and the newest time
is the same, the clock stands still; a station that tells of its last full hour does that for an hour.
"""

from collections.abc import Callable
from dataclasses import dataclass

from siloscope_process.clock import from_ms
from siloscope_store.clocks import ClockEvent

WINDOW_MS = 60_000
STEADY_MS = 10_000
STEADY_WINDOWS = 3
"""An offset is believed once so many windows agree on it: what drains a backlog comes closer with every window."""
STANDSTILL_MS = 2 * 3_600_000
STANDSTILL_WINDOWS = 5
_MOST_NODES = 200_000
_MOST_EVENTS = 10_000


@dataclass(slots=True)
class _Track:
    """One node: the window that is open, what the last ones agree on, and what held before."""

    exact: bool = False
    begun_ms: int = 0
    head_ms: int | None = None
    newest_ms: int = 0
    steady_ms: int | None = None
    steady_windows: int = 0
    steady_since_ms: int = 0
    steady_newest_ms: int = 0
    level_ms: int | None = None
    level_newest_ms: int = 0
    baseline_ms: int = 0
    baseline_at_ms: int = 0
    is_ahead: bool | None = None
    is_fresh: bool = False
    stood_at_ms: int | None = None
    stood_since_ms: int = 0
    stood_head_ms: int = 0
    stood_windows: int = 0


class ClockWatch:
    """Watches every node's clock.

    Args:
        tolerance_ms: Less than this is no event.
        count: Called with the kind of each event.
    """

    def __init__(self, tolerance_ms: int, count: Callable[[str], None]) -> None:
        self._tolerance_ms = tolerance_ms
        self._count = count
        self._tracks: dict[int, _Track] = {}
        self._events: list[ClockEvent] = []
        self._ended: dict[int, int] = {}

    def packs(self, node_id: int, org_id: int, newest_ms: int, received_ms: int, *, again: bool = False) -> None:
        """Take note of a pack's newest sample; a pack that the broker delivers again says nothing new."""
        track = self._track(node_id)
        if not track.exact:
            self._observe(track, node_id, org_id, newest_ms, received_ms)
            track.is_fresh = track.is_fresh or not again

    def heartbeat(self, node_id: int, org_id: int, says_ms: int, received_ms: int) -> None:
        """Take note of the time that a node says it has."""
        track = self._track(node_id)
        if not track.exact:
            self._tracks[node_id] = track = _Track(exact=True, is_ahead=track.is_ahead)
        self._observe(track, node_id, org_id, says_ms, received_ms)
        track.is_fresh = True

    def ahead(self, node_id: int, org_id: int, offset_ms: int, received_ms: int) -> None:
        """Take note of a sample from the future, which no delay explains."""
        track = self._track(node_id)
        if not track.is_ahead:
            track.is_ahead = True
            self._say(ClockEvent(org_id, node_id, "ahead", offset_ms / 1000, None, from_ms(received_ms), None))

    def take(self) -> tuple[list[ClockEvent], dict[int, int]]:
        """Return what happened since, and the nodes that are no longer ahead with the time since when."""
        found = self._events, self._ended
        self._events, self._ended = [], {}
        return found

    def put_back(self, events: list[ClockEvent], ended: dict[int, int]) -> None:
        """Have written later what could not be written."""
        self._events = [*events, *self._events][:_MOST_EVENTS]
        self._ended = {**ended, **self._ended}

    def _track(self, node_id: int) -> _Track:
        found = self._tracks.get(node_id)
        if found is None:
            if len(self._tracks) >= _MOST_NODES:
                self._tracks.clear()
            found = self._tracks[node_id] = _Track()
        return found

    def _observe(self, track: _Track, node_id: int, org_id: int, time_ms: int, received_ms: int) -> None:
        if track.head_ms is None or not 0 <= received_ms - track.begun_ms < WINDOW_MS:
            if track.head_ms is not None:
                self._judge(track, node_id, org_id, received_ms)
            track.begun_ms, track.head_ms, track.newest_ms = received_ms, time_ms - received_ms, time_ms
            track.is_fresh = False
            return
        track.head_ms = max(track.head_ms, time_ms - received_ms)
        track.newest_ms = max(track.newest_ms, time_ms)

    def _judge(self, track: _Track, node_id: int, org_id: int, now_ms: int) -> None:
        """Judge a window that has closed."""
        head_ms = track.head_ms
        assert head_ms is not None
        self._judge_ahead(track, node_id, org_id, head_ms, now_ms)
        self._judge_standstill(track, node_id, org_id, head_ms)
        if track.steady_ms is None or abs(head_ms - track.steady_ms) > STEADY_MS:
            track.steady_windows, track.steady_since_ms = 0, track.begun_ms
            track.steady_newest_ms = track.newest_ms
        track.steady_windows += 1
        track.steady_ms = head_ms
        if track.steady_windows >= STEADY_WINDOWS:
            self._settle(track, node_id, org_id, head_ms)

    def _judge_ahead(self, track: _Track, node_id: int, org_id: int, head_ms: int, now_ms: int) -> None:
        if head_ms > self._tolerance_ms:
            self.ahead(node_id, org_id, head_ms, now_ms)
        elif track.is_ahead is not False:  # after a start nobody knows whether it was
            track.is_ahead = False
            self._ended[node_id] = now_ms

    def _judge_standstill(self, track: _Track, node_id: int, org_id: int, head_ms: int) -> None:
        if track.newest_ms != track.stood_at_ms:
            track.stood_at_ms, track.stood_since_ms = track.newest_ms, track.begun_ms
            track.stood_head_ms, track.stood_windows = head_ms, 0
            return
        track.stood_windows += track.is_fresh
        stood_ms = track.begun_ms - track.stood_since_ms
        told = track.baseline_at_ms > track.stood_since_ms
        if stood_ms >= STANDSTILL_MS and track.stood_windows >= STANDSTILL_WINDOWS and not told:
            begun, until, before_s = from_ms(track.stood_since_ms), from_ms(track.begun_ms), track.stood_head_ms / 1000
            self._say(ClockEvent(org_id, node_id, "drift", head_ms / 1000, before_s, begun, until))
            self._begin(track, head_ms, track.begun_ms)
            track.level_ms, track.level_newest_ms = head_ms, track.newest_ms

    def _settle(self, track: _Track, node_id: int, org_id: int, head_ms: int) -> None:
        """Compare an offset that several windows agree on with the one before."""
        before_ms, since_ms = track.level_ms, track.steady_since_ms
        step_ms = head_ms - (before_ms or 0)
        if before_ms is None:
            if track.exact and step_ms < -self._tolerance_ms:
                self._step(node_id, org_id, head_ms, None, since_ms)
            self._begin(track, head_ms, since_ms)
        elif abs(step_ms) > self._tolerance_ms:
            if step_ms > 0 or track.exact or track.steady_newest_ms < track.level_newest_ms:
                self._step(node_id, org_id, head_ms, before_ms, since_ms)
            self._begin(track, head_ms, since_ms)
        elif abs(head_ms - track.baseline_ms) > self._tolerance_ms:
            begun, until = from_ms(track.baseline_at_ms), from_ms(track.begun_ms)
            drift = ClockEvent(org_id, node_id, "drift", head_ms / 1000, track.baseline_ms / 1000, begun, until)
            self._say(drift)
            self._begin(track, head_ms, track.begun_ms)
        track.level_ms, track.level_newest_ms = head_ms, track.newest_ms

    def _begin(self, track: _Track, head_ms: int, at_ms: int) -> None:
        track.baseline_ms, track.baseline_at_ms = head_ms, at_ms

    def _step(self, node_id: int, org_id: int, offset_ms: int, before_ms: int | None, at_ms: int) -> None:
        kind = "step_back" if offset_ms < (before_ms or 0) else "step_forward"
        before_s = None if before_ms is None else before_ms / 1000
        self._say(ClockEvent(org_id, node_id, kind, offset_ms / 1000, before_s, from_ms(at_ms), from_ms(at_ms)))

    def _say(self, event: ClockEvent) -> None:
        self._count(event.kind)
        if len(self._events) < _MOST_EVENTS:
            self._events.append(event)
