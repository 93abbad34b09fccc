"""The state machine of one subject of one rule: pure, and the only place that decides what an alert does next.

ok → pending → firing → clearing → resolved, with unknown beside pending, firing and clearing. Two things are not seen
in the picture: silence breaks a hold and a clear hold (a gap), and late readings may close a gap and do nothing else.
"""

from bisect import insort
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from siloscope_alerting.life import FRESH, Change, Memory, Seen, Timing, Truth
from siloscope_contract.alerts.words import Reason, State

MOST_STRETCHES = 64


def step(memory: Memory, seen: Seen, timing: Timing) -> tuple[Memory, tuple[Change, ...]]:
    """Return what is remembered after an instant, and what it changed; the same instant once more changes nothing.

    An instant before the newest one, or a late one, may fill a gap of a hold that is under way, and nothing else.
    """
    if seen.late or (not seen.tick and memory.last_ms is not None and seen.at_ms < memory.last_ms):
        return _fill(memory, seen, timing)
    turn = _Turn(memory, seen, timing)
    if seen.breached is Truth.UNKNOWN and seen.reason is not None:
        turn.lose_sight()
    elif seen.tick:
        turn.let_time_pass()
    elif seen.breached is not Truth.UNKNOWN:
        turn.look()
    turn.note_inhibition()
    return turn.done()


def due_ms(memory: Memory, timing: Timing) -> int | None:
    """Return when a tick changes something without a reading; None = never."""
    due = []
    if memory.state is State.PENDING and memory.began_ms is not None and memory.silenced_by is None:
        due.append(memory.began_ms + timing.hold_ms)
    if memory.firings_ms and (memory.flapping or memory.state is State.OK):
        due.append(memory.firings_ms[-1] + timing.flap_within_ms)
    return min(due, default=None)


def ended(memory: Memory, reason: Reason, at_ms: int) -> tuple[Memory, tuple[Change, ...]]:
    """End an episode for a reason that is none of the data: the rule or the subject is no more."""
    if memory.state is State.OK:
        return FRESH, ()
    after = State.OK if State.PENDING in (memory.state, memory.behind) else State.RESOLVED
    return FRESH, (Change(memory.state, after, reason, at_ms),)


@dataclass
class _Turn:
    """One instant on its way through the machine."""

    memory: Memory
    seen: Seen
    timing: Timing
    changes: list[Change] = field(default_factory=list)

    def done(self) -> tuple[Memory, tuple[Change, ...]]:
        memory = self.memory
        if memory.state is State.OK:
            oldest_ms = self.seen.at_ms - self.timing.flap_within_ms
            firings_ms = tuple(at_ms for at_ms in memory.firings_ms if at_ms > oldest_ms)
            memory = Memory(firings_ms=firings_ms, last_ms=memory.last_ms) if firings_ms else FRESH
        return memory, tuple(self.changes)

    def go(self, after: State, reason: Reason, at_ms: int | None = None, **also: Any) -> None:
        """Change the state; an episode that ends leaves only what flapping needs."""
        at_ms = self.seen.at_ms if at_ms is None else at_ms
        before = self.memory.state
        self.changes.append(Change(before, after, reason, at_ms, self.seen.facts))
        number = 1 if before is State.OK else self.memory.transitions + 1
        if after in (State.OK, State.RESOLVED):
            self.memory = Memory(last_ms=self.seen.at_ms, firings_ms=self.memory.firings_ms)
        else:
            self.memory = replace(self.memory, state=after, transitions=number, **also)

    # ---- what the data says nothing about

    def lose_sight(self) -> None:
        """Nothing can be said: what was under way waits, and is never taken for good."""
        memory, seen = self.memory, self.seen
        if memory.state not in (State.OK, State.UNKNOWN) and (memory.last_ms is None or seen.at_ms >= memory.last_ms):
            self.go(State.UNKNOWN, seen.reason or Reason.BAD_DATA, behind=memory.state)

    def let_time_pass(self) -> None:
        memory, timing, now_ms = self.memory, self.timing, self.seen.at_ms
        if memory.flapping and now_ms - memory.firings_ms[-1] >= timing.flap_within_ms:
            self.go(memory.state, Reason.CALM, flapping=False, firings_ms=())
        if memory.state is State.PENDING and memory.last_ms is not None:
            overdue = now_ms - memory.last_ms > timing.longest_gap_ms
            if not overdue:  # it breached last, and its next reading is not even late
                self.fire_when_held(now_ms)

    # ---- what it says

    def look(self) -> None:
        before, seen = self.memory, self.seen
        if before.state is State.UNKNOWN and before.behind is not None:
            self.go(before.behind, Reason.DATA_BACK, behind=None)
        gap = before.last_ms is not None and seen.at_ms - before.last_ms > self.timing.longest_gap_ms
        state = self.memory.state
        if state is State.OK:
            self.look_when_ok()
        elif state is State.PENDING:
            self.look_when_pending(gap=gap)
        else:
            self.look_when_open(gap=gap)
        if self.memory.state is not State.OK:
            self.memory = replace(self.memory, last_ms=seen.at_ms)

    def look_when_ok(self) -> None:
        seen = self.seen
        if seen.breached is Truth.TRUE and seen.gate not in (Reason.MAINTENANCE, Reason.OFF_SCHEDULE):
            self.go(State.PENDING, Reason.BREACHED, began_ms=seen.at_ms, last_ms=seen.at_ms)
            self.fire_when_held(seen.at_ms)

    def look_when_pending(self, *, gap: bool) -> None:
        memory, seen = self.memory, self.seen
        if seen.breached is Truth.FALSE:
            self.go(State.OK, Reason.NOT_HELD)
        elif seen.gate is Reason.OFF_SCHEDULE:
            self.go(State.OK, Reason.OFF_SCHEDULE)
        else:
            if gap and memory.began_ms is not None and memory.last_ms is not None:
                stretches = (*memory.stretches, (memory.began_ms, memory.last_ms))[-MOST_STRETCHES:]
                self.memory = replace(memory, began_ms=seen.at_ms, stretches=stretches)
            self.fire_when_held(seen.at_ms)

    def fire_when_held(self, now_ms: int) -> None:
        memory, timing = self.memory, self.timing
        if memory.began_ms is None or now_ms - memory.began_ms < timing.hold_ms:
            return
        if self.seen.gate is not None and self.seen.gate is not Reason.MAINTENANCE:
            self.memory = replace(memory, silenced_by=self.seen.gate)
            return
        # A tick comes when it comes; the hold was over when it was over.
        last_ms = now_ms if memory.last_ms is None else memory.last_ms
        at_ms = max(memory.began_ms + timing.hold_ms, last_ms) if self.seen.tick else now_ms
        self.go(State.FIRING, Reason.HELD, at_ms, stretches=(), cut_ms=None, silenced_by=None)
        self.count_firing(at_ms)

    def count_firing(self, at_ms: int) -> None:
        timing = self.timing
        oldest_ms = at_ms - timing.flap_within_ms
        firings_ms = (*(each for each in self.memory.firings_ms if each > oldest_ms), at_ms)[-timing.flap_firings :]
        flapping = self.memory.flapping
        self.memory = replace(self.memory, firings_ms=firings_ms)
        if not flapping and len(firings_ms) >= timing.flap_firings:
            self.go(State.FIRING, Reason.FLAPPING, at_ms, flapping=True)

    def look_when_open(self, *, gap: bool) -> None:
        """Firing or clearing: only readings on the good side of the clear level, for long enough, resolve it."""
        seen = self.seen
        cleared = seen.cleared is Truth.TRUE and seen.breached is not Truth.TRUE
        if self.memory.state is State.FIRING and cleared:
            self.go(State.CLEARING, Reason.BELOW_CLEAR, clear_ms=seen.at_ms)
        elif self.memory.state is State.CLEARING and not cleared:
            self.go(State.FIRING, Reason.BREACHED_AGAIN, clear_ms=None)
            if self.memory.flapping:
                self.count_firing(seen.at_ms)
        elif gap and self.memory.state is State.CLEARING:
            self.memory = replace(self.memory, clear_ms=seen.at_ms)
        memory = self.memory
        held = memory.clear_ms is not None and seen.at_ms - memory.clear_ms >= self.timing.clear_hold_ms
        if memory.state is State.CLEARING and held and not memory.flapping:
            self.go(State.RESOLVED, Reason.CLEARED)

    def note_inhibition(self) -> None:
        """Firing goes on beneath a rule that it depends on, and is not repeated meanwhile."""
        inhibited = Reason.INHIBITED if self.seen.gate is Reason.INHIBITED else None
        if self.memory.state in (State.FIRING, State.CLEARING) and self.memory.silenced_by is not inhibited:
            self.memory = replace(self.memory, silenced_by=inhibited)


def _fill(memory: Memory, seen: Seen, timing: Timing) -> tuple[Memory, tuple[Change, ...]]:
    """Let a late reading close a gap between two stretches of a hold; in which order several come does not matter."""
    state = memory.behind if memory.state is State.UNKNOWN else memory.state
    after_ms = memory.stretches[0][1] if memory.stretches else memory.cut_ms
    inside = after_ms is not None and after_ms < seen.at_ms < (memory.began_ms or 0)
    if state is not State.PENDING or not inside or seen.breached is Truth.UNKNOWN:
        return memory, ()
    if seen.breached is Truth.FALSE:
        if any(first <= seen.at_ms <= last for first, last in memory.stretches):
            return memory, ()
        later = tuple(each for each in memory.stretches if each[0] > seen.at_ms)
        return replace(memory, stretches=later, cut_ms=max(seen.at_ms, memory.cut_ms or seen.at_ms)), ()
    if memory.cut_ms is not None and seen.at_ms <= memory.cut_ms:
        return memory, ()
    began_ms, last_ms = memory.began_ms or seen.at_ms, memory.last_ms or seen.at_ms
    stretches = _joined([*memory.stretches, (began_ms, last_ms)], seen.at_ms, timing.longest_gap_ms)
    earlier, (first_ms, _) = stretches[:-1], stretches[-1]
    filled = replace(memory, stretches=tuple(earlier[-MOST_STRETCHES:]), began_ms=first_ms)
    if first_ms not in {first for first, _ in memory.stretches}:
        return filled, ()
    change = Change(memory.state, memory.state, Reason.LATE_HISTORY, seen.at_ms, seen.facts)
    return replace(filled, transitions=memory.transitions + 1), (change,)


def _joined(stretches: list[tuple[int, int]], at_ms: int, longest_gap_ms: int) -> list[tuple[int, int]]:
    """Add an instant, and join what is then no further apart than a gap."""
    insort(stretches, (at_ms, at_ms))
    joined = [stretches[0]]
    for first, last in stretches[1:]:
        begin, end = joined[-1]
        if first - end <= longest_gap_ms:
            joined[-1] = (begin, max(end, last))
        else:
            joined.append((first, last))
    return joined
