"""What late data shows of the past, run by run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from siloscope_alerting.life import Memory, Truth
from siloscope_contract.alerts.words import State

OPEN = (State.FIRING, State.CLEARING)


@dataclass(frozen=True)
class LateLook:
    """What a late reading says of a subject.

    Attributes:
        value: What is read.
        margin: How bad that is; more is worse.
    """

    at_ms: int
    breached: Truth
    value: float | None = None
    margin: float = 0.0
    unit: str = ""


@dataclass
class Run:
    """Late readings that breach, none further from the next than a gap."""

    from_ms: int
    to_ms: int
    worst: float | None = None
    margin: float = float("-inf")
    unit: str = ""


class Retrospection:
    """The runs of one rule that may still grow, and the episodes that people know of; subjects go by their ids.

    Args:
        hold_ms: A run that is shorter is none.
    """

    def __init__(self, hold_ms: int) -> None:
        self._hold_ms = hold_ms
        self._runs: dict[int, Run] = {}
        self._grown: list[tuple[int, Run]] = []
        self._told: dict[int, tuple[int, int]] = {}

    def has_run(self, subject: int) -> bool:
        """Return whether a subject has a run that may still grow."""
        return subject in self._runs

    def note_end(self, subject: int, before: Memory, ended_ms: int) -> None:
        """Note an episode that is over, where people were told of it."""
        if before.began_ms is not None and (before.state in OPEN or before.behind in OPEN):
            self._told[subject] = (before.began_ms, ended_ms)

    def take(self, subject: int, look: LateLook, longest_gap_ms: int) -> None:
        """Take the next late reading of a subject: within a batch, oldest first."""
        run = self._runs.get(subject)
        if look.breached is Truth.FALSE:
            if run is not None and look.at_ms > run.to_ms:
                del self._runs[subject]
        elif look.breached is Truth.TRUE:
            if run is None or not run.from_ms <= look.at_ms <= run.to_ms + longest_gap_ms:
                run = self._runs[subject] = Run(look.at_ms, look.at_ms)
            if all(each is not run for _, each in self._grown):
                self._grown.append((subject, run))
            run.to_ms = max(run.to_ms, look.at_ms)
            if look.value is not None and look.margin >= run.margin:
                run.worst, run.margin, run.unit = look.value, look.margin, look.unit

    def found(self, remembered: Callable[[int], Memory]) -> Iterator[tuple[int, Run]]:
        """Yield the runs that grew in this batch, are long enough, and belong to no episode that is told."""
        grown, self._grown = self._grown, []
        for subject, run in grown:
            if run.to_ms - run.from_ms >= self._hold_ms and not self._is_told(subject, run, remembered(subject)):
                yield subject, run

    def _is_told(self, subject: int, run: Run, memory: Memory) -> bool:
        if (memory.state in OPEN or memory.behind in OPEN) and run.to_ms >= (memory.began_ms or 0):
            return True
        began_ms, ended_ms = self._told.get(subject, (0, -1))
        return run.from_ms <= ended_ms and began_ms <= run.to_ms
