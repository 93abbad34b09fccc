"""Play history through the engine as it would have come: round for round, in the order of arrival, nothing written.

It is the evaluator that pages people, with another source: what it finds here is what it would have found. What history
does not hold is not played: neither the platform's own figures, nor which nodes were silent as a whole.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from siloscope_alerting.columns import (
    BoundRule,
    Catalogue,
    Flags,
    Float,
    Int32,
    Int64,
    Judgement,
    Outcome,
    Readings,
)
from siloscope_alerting.life import Key, Memory, Retrospect, Transition
from siloscope_alerting.ports import Evaluator, History
from siloscope_contract.quality import Quality

_MINUTE_MS, _DAY_MS = 60_000, 86_400_000
_MOST_ROUNDS = 20_000
"""A long span at a fast pace is played in longer rounds; within one, each channel keeps the order of its readings."""


@dataclass(frozen=True)
class Replayed:
    """What a span of history made happen.

    Attributes:
        rounds: How many rounds were played.
        readings: How many readings were played, those of before `from_ms` that only filled windows not counted.
        unfinished: What is not simply ok at the end.
    """

    from_ms: int
    to_ms: int
    rounds: int
    readings: int
    transitions: Sequence[Transition]
    retrospects: Sequence[Retrospect] = ()
    unfinished: Mapping[Key, Memory] = field(default_factory=dict)


async def replay(
    evaluator: Evaluator,
    rules: Sequence[BoundRule],
    catalogue: Catalogue,
    history: History,
    from_ms: int,
    to_ms: int,
    *,
    arrivals: Mapping[int, Int64] | None = None,
    follow: Callable[[Outcome, int], None] = lambda _outcome, _now_ms: None,
) -> Replayed:
    """Play [from, to) of a history.

    Args:
        evaluator: A new one.
        rules: What is evaluated; rules that inhibit others are to be among them.
        catalogue: Channels as they are now: those that have moved since are judged where they stand now.
        history: Where readings come from.
        from_ms: Begin, UTC milliseconds; windows are filled from before it.
        to_ms: End.
        arrivals: When each reading of the span came, per row; unless told each came at its time.
        follow: Called after each round with what it found and with its end.
    """
    transitions: list[Transition] = []
    retrospects: list[Retrospect] = []
    memories: dict[Key, Memory] = {}

    def take(outcome: Outcome) -> None:
        transitions.extend(outcome.transitions)
        retrospects.extend(outcome.retrospects)
        memories.update(outcome.memories)

    take(evaluator.arrange(catalogue, rules, {}))
    past = _Past(catalogue, history, from_ms, to_ms, arrivals)
    evaluator.take_known(await past.newest())
    await past.recall(evaluator, from_ms)
    step_ms = _step_ms(catalogue, from_ms, to_ms)
    rounds = played = 0
    async for readings, now_ms in _rounds(past, step_ms):
        outcome = evaluator.round(readings, Judgement(absent_to_ms=now_ms, now_ms=now_ms))
        take(outcome)
        follow(outcome, now_ms)
        await past.recall(evaluator, now_ms)
        rounds, played = rounds + 1, played + len(readings.row)
    unfinished = {key: memory for key, memory in memories.items() if memory != Memory()}
    return Replayed(from_ms, to_ms, rounds, played, transitions, retrospects, unfinished)


def _step_ms(catalogue: Catalogue, from_ms: int, to_ms: int) -> int:
    """Return how long a round is: the shortest expected interval, unless that were too many rounds."""
    intervals = [channel.interval_s for channel in catalogue.channels if channel.interval_s]
    shortest_ms = round(1000 * min(intervals)) if intervals else _MINUTE_MS
    return max(shortest_ms, -(-(to_ms - from_ms) // _MOST_ROUNDS), 1)


async def _rounds(past: "_Past", step_ms: int) -> AsyncIterator[tuple[Readings, int]]:
    """Yield what arrived within each step, and the step's end."""
    slab_ms = max(_DAY_MS // step_ms, 1) * step_ms if past.arrivals is None else past.to_ms - past.from_ms
    for begin_ms in range(past.from_ms, past.to_ms, max(slab_ms, 1)):
        end_ms = min(begin_ms + slab_ms, past.to_ms)
        row, time_ms, value, arrived_ms = await past.slab(begin_ms, end_ms)
        for now_ms in range(begin_ms + step_ms, end_ms + step_ms, step_ms):
            some = slice(*np.searchsorted(arrived_ms, (now_ms - step_ms, now_ms)))
            late = arrived_ms[some] - time_ms[some] > past.allowance_ms[row[some]]
            yield _readings(row[some], time_ms[some], value[some], late), now_ms


def _readings(row: Int32, time_ms: Int64, value: Float, late: Flags) -> Readings:
    quality = np.where(np.isnan(value), int(Quality.BAD), int(Quality.GOOD)).astype(np.int16)
    order = np.lexsort((time_ms, row))
    return Readings(row[order], time_ms[order], value[order], quality[order], late[order])


class _Past:
    """What is known of a history at a time: what has arrived by then."""

    def __init__(
        self, catalogue: Catalogue, history: History, from_ms: int, to_ms: int, arrivals: Mapping[int, Int64] | None
    ) -> None:
        self.from_ms, self.to_ms, self.arrivals = from_ms, to_ms, arrivals
        self._rows = range(len(catalogue.channels))
        self._history = history
        self.allowance_ms = np.array([round(1000 * channel.allowance_s) for channel in catalogue.channels], np.int64)

    async def newest(self) -> Readings:
        """Return what each channel said last before the begin, if that is no longer than a day ago."""
        found = await self._history.between(self._rows, self.from_ms - _DAY_MS, self.from_ms)
        last = [(row, times[-1], values[-1]) for row, (times, values) in sorted(found.items()) if len(times)]
        row, time_ms, value = zip(*last, strict=True) if last else ((), (), ())
        return _readings(
            np.array(row, np.int32),
            np.array(time_ms, np.int64),
            np.array(value, np.float64),
            np.zeros(len(row), np.bool_),
        )

    async def recall(self, evaluator: Evaluator, now_ms: int) -> None:
        """Give the engine what it wants of the past."""
        by_reach: dict[int, list[int]] = {}
        for row, back_ms in evaluator.wanted_history().items():
            by_reach.setdefault(back_ms, []).append(row)
        for back_ms, rows in by_reach.items():
            found = await self._history.between(rows, now_ms - back_ms, now_ms)
            evaluator.recall({row: await self._arrived(row, series, now_ms) for row, series in found.items()})

    async def slab(self, from_ms: int, to_ms: int) -> tuple[Int32, Int64, Float, Int64]:
        """Return row, time, value and arrival of all readings of a span, in the order of arrival."""
        found = await self._history.between(self._rows, from_ms, to_ms)
        rows = [row for row, (times, _) in found.items() if len(times)]
        if not rows:
            return np.empty(0, np.int32), np.empty(0, np.int64), np.empty(0, np.float64), np.empty(0, np.int64)
        row = np.concatenate([np.full(len(found[each][0]), each, np.int32) for each in rows])
        time_ms = np.concatenate([found[each][0] for each in rows])
        value = np.concatenate([found[each][1] for each in rows])
        arrived_ms = time_ms if self.arrivals is None else np.concatenate([self.arrivals[each] for each in rows])
        order = np.argsort(arrived_ms, kind="stable")
        return row[order], time_ms[order], value[order], arrived_ms[order]

    async def _arrived(self, row: int, series: tuple[Int64, Float], now_ms: int) -> tuple[Int64, Float]:
        """Leave out what had not arrived by then."""
        if self.arrivals is None:
            return series
        whole, _ = (await self._history.between([row], self.from_ms, self.to_ms))[row]
        known = np.isin(series[0], whole[self.arrivals[row] < now_ms])
        return series[0][known], series[1][known]
