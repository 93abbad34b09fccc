"""What to send next: live packs first, the backlog beside them, within two windows. No I/O, no clock of its own.

The windows: packs that the broker has not acknowledged, and packs that the database has not committed. Neither is ever
exceeded, so an outage of the database never floods the broker. An acknowledgement frees a place, it deletes nothing. Of
the second window the backlog gets as much as the platform keeps up with.
"""

import math
from enum import StrEnum

from msgspec import Struct

from siloscope_edge.backlog_window import BacklogWindow
from siloscope_edge.spans import Spans

ENDLESS = 1 << 63
_TOGETHER_S = 0.02
"""A rate is kept in steps of so long: packs that are read from the spool and sent together cost less."""


class Why(StrEnum):
    """Why a pack is sent now."""

    LIVE = "live"
    GAP = "gap"  # a watermark says that it is missing though later ones are there
    BACKLOG = "backlog"
    PROBE = "probe"  # nothing was committed for long: send one again and see


class Wait(StrEnum):
    """Why nothing is sent now."""

    OFFLINE = "offline"
    UNACKNOWLEDGED = "unacknowledged_window_full"
    UNCOMMITTED = "uncommitted_window_full"
    SETTLING = "awaiting_watermark"
    RATE = "backlog_rate"
    IDLE = "idle"


class Send(Struct, frozen=True):
    """Send this pack."""

    number: int
    why: Why


class Hold(Struct, frozen=True):
    """Send nothing before something happens, or before ``until_s`` on the monotonic clock."""

    reason: Wait
    until_s: float | None = None


class Windows(Struct, frozen=True):
    """How much may be under way, and how patient the outbox is.

    Attributes:
        unacknowledged: Most packs without the broker's acknowledgement.
        uncommitted: Most packs that were sent and are not known to be committed; a quarter is kept for live ones.
        draining: The same while a backlog is drained and the database keeps up with it.
        backlog_per_s: Rate of packs that are not live; None: as the platform takes them.
        live: Most packs that wait as live; what waits behind them is backlog.
        settle_s: How long the backlog waits after a connect for a watermark, which may spare it.
        resend_after_s: Age at which a pack inside a watermark's gap is sent again; doubles with each try.
        probe_after_s: Silence after which one pack is sent again; doubles up to ``probe_at_most_s``.
    """

    unacknowledged: int = 128
    uncommitted: int = 1000
    draining: int = 8000
    backlog_per_s: float | None = None
    live: int = 32
    settle_s: float = 5.0
    resend_after_s: float = 5.0
    probe_after_s: float = 30.0
    probe_at_most_s: float = 600.0

    @property
    def for_live(self) -> int:
        """How much of the uncommitted window the backlog leaves."""
        return self.uncommitted // 4

    @property
    def backlog(self) -> int:
        """Most packs of the backlog that are not known to be committed."""
        return max(self.uncommitted, self.draining) - self.for_live


class _Sent(Struct):
    at_s: float
    acknowledged: bool = False
    tries: int = 1


class Outbox:
    """The packs that are owed to the database, and which of them are under way.

    Args:
        windows: The bounds.
        owed: Numbers in the spool that are not committed.
    """

    def __init__(self, windows: Windows, owed: Spans) -> None:
        self._windows = windows
        self._window = BacklogWindow(windows.backlog)
        self._window_was_full = False
        self._owed = Spans(owed.ranges())
        self._pending = Spans(owed.ranges())
        self._doubted = Spans()
        self._sent: dict[int, _Sent] = {}
        self._unacknowledged = 0
        self._online = False
        self._live_from = 0
        self._settle_until_s = 0.0
        self._tokens = 0.0
        self._filled_at_s = 0.0
        self._progress_at_s = 0.0
        self._probes = 0
        self._gap_check_at_s = 0.0

    def bound(self, windows: Windows) -> None:
        """Keep within other bounds from now on."""
        self._windows = windows
        self._window.most = windows.backlog
        self._window.restart()

    @property
    def owed(self) -> int:
        """How many packs are spooled and not committed."""
        return len(self._owed)

    @property
    def unacknowledged(self) -> int:
        """How many packs the broker has not acknowledged."""
        return self._unacknowledged

    @property
    def uncommitted(self) -> int:
        """How many packs were sent over this connection and are not known to be committed."""
        return len(self._sent)

    def spooled(self, first: int, end: int) -> None:
        """Take in packs that were just committed to the spool."""
        self._owed.add(first, end)
        self._pending.add(first, end)

    def connected(self, now_s: float, live_from: int) -> None:
        """Begin anew on a fresh connection: all that is owed is backlog, what is spooled from now on is live."""
        self._online = True
        self._forget_sent()
        self._window.restart()
        self._live_from = live_from
        self._settle_until_s = now_s + self._windows.settle_s
        self._progress_at_s = now_s
        self._tokens, self._filled_at_s = 0.0, now_s

    def disconnected(self) -> None:
        """Hold everything: no acknowledgement crosses to the next connection."""
        self._online = False
        self._forget_sent()

    def acknowledged(self, number: int) -> None:
        """Note the broker's acknowledgement: it frees a place in the first window and nothing else."""
        sent = self._sent.get(number)
        if sent is not None and not sent.acknowledged:
            sent.acknowledged = True
            self._unacknowledged -= 1

    def accounted(self, numbers: Spans, now_s: float) -> None:
        """Let go of what the database has committed."""
        self._settle_until_s = now_s
        if len(numbers) and self._drop(numbers, now_s):
            self._progress_at_s = now_s
            self._probes = 0

    def doubted(self, numbers: Spans) -> None:
        """Note a believed watermark's gaps: what of them was sent a while ago is sent again."""
        self._doubted = Spans(numbers.ranges())
        self._gap_check_at_s = 0.0

    def gone(self, first: int, end: int) -> None:
        """Let go of packs that the spool no longer has."""
        self._drop(Spans([(first, end)]), None)

    def owed_again(self, owed: Spans) -> None:
        """Replace what is owed: another generation of the database counts from nothing."""
        self._owed = Spans(owed.ranges())
        self._live_from = max([self._live_from, *(end for _, end in owed.ranges())])
        for number in [each for each, sent in self._sent.items() if sent.acknowledged or each not in owed]:
            self._forget(number)
        self._pending = Spans(owed.ranges())
        for number in self._sent:
            self._pending.remove(number, number + 1)
        self._doubted = Spans()

    def next(self, now_s: float) -> Send | Hold:
        """Return the pack to send now, which counts as sent, or why there is none."""
        if not self._online:
            return Hold(Wait.OFFLINE)
        if self._unacknowledged >= self._windows.unacknowledged:
            return Hold(Wait.UNACKNOWLEDGED)
        self._demote_live()
        room = max(self._windows.uncommitted, int(self._window.size) + self._windows.for_live) - len(self._sent)
        live = self._pending.first_from(self._live_from)
        if live is not None and room > 0:
            return self._send(live, Why.LIVE, now_s)
        gap = self._gap_due(now_s)
        if gap is not None:
            return self._send_again(gap, Why.GAP, now_s)
        backlog = self._backlog(now_s)
        if isinstance(backlog, Send):
            return backlog
        probe_at_s = self._probe_at_s()
        if probe_at_s is not None and now_s >= probe_at_s:
            return self._probe(now_s)
        gap_at_s = self._gap_check_at_s if self._doubted else None
        wakes = [each for each in (backlog.until_s, probe_at_s, gap_at_s) if each is not None]
        return Hold(Wait.UNCOMMITTED if room <= 0 else backlog.reason, min(wakes, default=None))

    def _backlog(self, now_s: float) -> Send | Hold:
        number = self._pending.first_from(0)
        if number is None:
            if not self._sent:
                self._window.restart()
            return Hold(Wait.IDLE)
        if len(self._sent) >= int(self._window.size):
            self._window_was_full = True
            return Hold(Wait.UNCOMMITTED)
        if now_s < self._settle_until_s:
            return Hold(Wait.SETTLING, self._settle_until_s)
        rate = min(self._windows.backlog_per_s or math.inf, self._window.per_s)
        self._fill(now_s, rate)
        if self._tokens < 1:
            return Hold(Wait.RATE, now_s + max((1 - self._tokens) / rate, _TOGETHER_S))
        self._tokens -= 1
        return self._send(number, Why.BACKLOG, now_s)

    def _fill(self, now_s: float, rate: float) -> None:
        self._tokens = min(self._tokens + (now_s - self._filled_at_s) * rate, max(1.0, rate / 4))
        self._filled_at_s = now_s

    def _send(self, number: int, why: Why, now_s: float) -> Send:
        if not self._sent:
            self._progress_at_s = now_s
        self._pending.remove(number, number + 1)
        self._sent[number] = _Sent(now_s)
        self._unacknowledged += 1
        return Send(number, why)

    def _send_again(self, number: int, why: Why, now_s: float) -> Send:
        sent = self._sent[number]
        sent.acknowledged, sent.at_s, sent.tries = False, now_s, sent.tries + 1
        self._unacknowledged += 1
        return Send(number, why)

    def _gap_due(self, now_s: float) -> int | None:
        """Return a pack inside a watermark's gap that was acknowledged, yet is still missing a while later."""
        if not self._doubted or now_s < self._gap_check_at_s:
            return None
        self._gap_check_at_s = now_s + self._windows.probe_at_most_s
        for number, sent in self._sent.items():
            if not sent.acknowledged or number not in self._doubted:
                continue
            due_s = sent.at_s + min(self._windows.resend_after_s * 2 ** (sent.tries - 1), self._windows.probe_at_most_s)
            if due_s <= now_s:
                self._gap_check_at_s = now_s
                return number
            self._gap_check_at_s = min(self._gap_check_at_s, due_s)
        return None

    def _probe(self, now_s: float) -> Send:
        """Send again, in turn, the newest (once committed, it shows every gap before it) and the oldest."""
        candidates = [number for number, sent in self._sent.items() if sent.acknowledged]
        number = min(candidates) if self._probes % 2 else max(candidates)
        self._probes += 1
        self._progress_at_s = now_s
        return self._send_again(number, Why.PROBE, now_s)

    def _probe_at_s(self) -> float | None:
        if self._unacknowledged == len(self._sent):
            return None
        wait = self._windows.probe_after_s * float(2 ** min(self._probes, 20))
        return self._progress_at_s + min(wait, self._windows.probe_at_most_s)

    def _demote_live(self) -> None:
        waiting = self._pending.within(self._live_from, ENDLESS)
        excess = len(waiting) - self._windows.live
        if excess > 0:
            for first, end in waiting.ranges():
                self._live_from = min(end, first + excess)
                excess -= self._live_from - first
                if excess <= 0:
                    return

    def _drop(self, numbers: Spans, committed_s: float | None) -> bool:
        """Let go of packs: those that are gone, or were found committed at an instant."""
        before = len(self._owed)
        for spans in (self._owed, self._pending, self._doubted):
            spans.remove_all(numbers)
        dropped = [each for each in self._sent if each in numbers]
        if dropped and committed_s is not None:
            self._note_committed(len(dropped), self._sent[dropped[0]].at_s, numbers, committed_s)
        for number in dropped:
            self._forget(number)
        return len(self._owed) < before

    def _note_committed(self, count: int, first_at_s: float, numbers: Spans, now_s: float) -> None:
        waiting = (sent.at_s for each, sent in self._sent.items() if each not in numbers and each not in self._doubted)
        oldest_at_s = next(waiting, None)
        self._window.watermark(count, now_s - first_at_s, oldest_at_s, now_s, was_full=self._window_was_full)
        self._window_was_full = False

    def _forget(self, number: int) -> None:
        if not self._sent.pop(number).acknowledged:
            self._unacknowledged -= 1

    def _forget_sent(self) -> None:
        self._sent.clear()
        self._unacknowledged = 0
        self._pending = Spans(self._owed.ranges())
        self._doubted = Spans()
