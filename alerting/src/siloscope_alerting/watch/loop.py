"""Round after round: what is new, what follows, written together."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

import structlog

from siloscope_alerting.columns import BoundRule, Catalogue, Float, Int64, Outcome, Readings
from siloscope_alerting.ports import Clock, Evaluator, Watch
from siloscope_alerting.watch.metrics import WatchMetrics

EVERY_S = 0.25
_LEAST_PAUSE = 0.2
"""Of the time between two rounds, so much is left to others, however long rounds take."""

_log = structlog.get_logger(__name__)


class FullWatch(Watch, Protocol):
    """A watch that can also be begun, and looks back."""

    incidents: int

    async def begin(self) -> None:
        """Read where the evaluator before stopped."""
        ...

    async def known(self) -> Readings:
        """Return the newest reading of every channel."""
        ...

    async def history(self, wanted: Mapping[int, int]) -> Mapping[int, tuple[Int64, Float]]:
        """Return stored samples of rows, each as many milliseconds back as it wants."""
        ...


class EvaluatorLoop:
    """Evaluates for as long as it holds the lease.

    Args:
        watch: Of this term.
        evaluator: A new engine.
        clock: For pauses and durations.
        metrics: Told of each round.
        every_s: From the begin of a round to that of the next.
    """

    def __init__(
        self, watch: FullWatch, evaluator: Evaluator, clock: Clock, metrics: WatchMetrics, *, every_s: float = EVERY_S
    ) -> None:
        self._watch = watch
        self._evaluator = evaluator
        self._clock = clock
        self._metrics = metrics
        self._every_s = every_s
        self._rules: Sequence[BoundRule] = ()
        self._channels = Catalogue([])
        self.finished_s: float | None = None
        """When the last round was kept, on the monotonic clock."""

    async def run(self) -> None:
        """Go round until cancelled.

        Raises:
            Fenced: Another evaluator has taken over.
            DatabaseUnavailable: Begin anew, from what stands in the database.
        """
        await self._watch.begin()
        while True:
            began_s = self._clock.monotonic_s()
            await self.turn()
            took_s = self._clock.monotonic_s() - began_s
            await self._clock.sleep(max(self._every_s - took_s, self._every_s * _LEAST_PAUSE))

    async def turn(self) -> Outcome:
        """Go round once; return what was kept."""
        times_s = [self._clock.monotonic_s()]
        arranged = await self._arrange()
        if wanted := self._evaluator.wanted_history():
            self._evaluator.recall(await self._watch.history(wanted))
        news = await self._watch.news()
        if news is None:  # of channels that were not there a moment ago
            arranged = _both(arranged, await self._arrange())
            news = await self._watch.news(anyway=True)
            assert news is not None
        times_s.append(self._clock.monotonic_s())
        # In a thread, as long ones would keep messages waiting that are on their way out.
        found = await asyncio.to_thread(self._evaluator.round, news.readings, news.judgement)
        outcome = found if arranged is None else together(arranged, found)
        times_s.append(self._clock.monotonic_s())
        await self._watch.keep(news, outcome)
        times_s.append(self._clock.monotonic_s())
        self.finished_s = times_s[-1]
        self._measure(times_s, news.readings, outcome)
        judgement = news.judgement
        self._metrics.platform_down.set(judgement.platform_down)
        self._metrics.absent_age.set(((judgement.now_ms or judgement.absent_to_ms) - judgement.absent_to_ms) / 1000)
        return outcome

    async def _arrange(self) -> Outcome | None:
        """Take channels and rules anew, where either changed."""
        channels, rules = await self._watch.catalogue(), await self._watch.rules()
        if channels is None and rules is None:
            return None
        self._channels = self._channels if channels is None else channels
        self._rules = self._rules if rules is None else rules
        memories = await self._watch.memories()
        # In a thread: messages go out and the lease is kept meanwhile.
        outcome = await asyncio.to_thread(self._evaluator.arrange, self._channels, self._rules, memories)
        # Of what no rule looked at, nothing was told until now.
        self._evaluator.take_known(await self._watch.known())
        _log.info("arranged", channels=len(self._channels.channels), rules=len(self._rules))
        return outcome

    def _measure(self, times_s: Sequence[float], readings: Readings, outcome: Outcome) -> None:
        metrics = self._metrics
        metrics.rounds.inc()
        for part, began_s, ended_s in zip(("feed", "engine", "keep"), times_s, times_s[1:], strict=False):
            metrics.round_seconds.labels(part).observe(ended_s - began_s)
        late = int(readings.late.sum())
        metrics.readings.labels("late").inc(late)
        metrics.readings.labels("in_time").inc(readings.row.size - late)
        for transition in outcome.transitions:
            change = transition.change
            metrics.transitions.labels(change.reason.value).inc()
            _log.info(
                "transition",
                rule_id=transition.key.rule_id,
                subject=f"{transition.key.subject_kind.value} {transition.key.subject_id}",
                before=change.before.value,
                after=change.after.value,
                reason=change.reason.value,
            )
        metrics.subjects.set(outcome.facts.get("subjects", 0))
        metrics.incidents.set(self._watch.incidents)


def _both(first: Outcome | None, second: Outcome | None) -> Outcome | None:
    return first if second is None else second if first is None else together(first, second)


def together(first: Outcome, second: Outcome) -> Outcome:
    """Return two outcomes of one round as one: the second knows of the first."""
    return Outcome(
        transitions=[*first.transitions, *second.transitions],
        memories={**first.memories, **second.memories},
        due_ms={**first.due_ms, **second.due_ms},
        retrospects=[*first.retrospects, *second.retrospects],
        facts={**first.facts, **second.facts},
    )
