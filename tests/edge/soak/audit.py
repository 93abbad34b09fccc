"""Holding what was stored against what was truly said: no reading lost, doubled, at a wrong time, or made up."""

import itertools
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from siloscope_contract.gaps import Gap
from siloscope_contract.packs import Sample
from siloscope_contract.quality import FIRST_BAD, Quality
from tests.edge.soak.truth import Given, Value

_CLOCK_S = 0.0015
"""Instants are milliseconds."""
_EDGE_S = 0.15
"""What is said just when the listening begins or ends may be heard or not."""


@dataclass(frozen=True)
class Watched:
    """A device, as far as the audit must know it.

    Attributes:
        period_s: How often it is read.
        resolution: By channel, the step that readings are rounded to.
        soon_s: How soon behind the time of a reading the device is asked for the first time.
        turn_s: How long a turn can take.
        listened: Whether it talks unasked.
    """

    period_s: float
    resolution: Mapping[str, float]
    soon_s: float
    turn_s: float
    listened: bool = False


@dataclass(frozen=True)
class Stored:
    """A sample that the database holds.

    Attributes:
        at_s: The instant that it bears, in the time of the simulation.
        sample: It.
    """

    at_s: float
    sample: Sample


@dataclass(frozen=True)
class Finding:
    """Something that is not as it must be: ``what`` is lost, doubled, mistimed or fabricated."""

    what: str
    device: str
    at_s: float
    detail: str

    def __str__(self) -> str:
        """Return what a report says."""
        return f"{self.what}: {self.device} at {self.at_s:.3f} s: {self.detail}"


@dataclass
class Ledger:
    """How much was compared."""

    readings: int = 0
    good: int = 0
    given: int = 0
    excused: int = 0


def audited(
    devices: Mapping[str, Watched],
    stored: Sequence[Stored],
    given: Mapping[str, Sequence[Given]],
    gaps: Sequence[tuple[Gap, float, float]],
    excuses: Sequence[tuple[float, float]],
    ledger: Ledger,
) -> list[Finding]:
    """Return everything that is wrong.

    Args:
        devices: What is read.
        stored: What the database holds.
        given: What was truly said.
        gaps: What it knows to be missing, each with its ends in the time of the simulation.
        excuses: From when to when a power cut may have cost what was not committed.
        ledger: Counts what was compared.
    """
    findings: list[Finding] = []
    for name, watched in devices.items():
        own = sorted((each for each in stored if each.sample.device == name), key=lambda each: each.at_s)
        findings += _doubled(name, own)
        findings += _turns(name, watched, own, gaps, excuses)
        said = list(given.get(name, ()))
        judge = _listened if watched.listened else _asked
        findings += judge(name, watched, own, said, excuses, ledger)
    return findings


def _doubled(name: str, own: Sequence[Stored]) -> Iterator[Finding]:
    for at_s, times in Counter(each.at_s for each in own).items():
        if times > 1:
            yield Finding("doubled", name, at_s, f"{times} samples of one instant")


def _turns(
    name: str,
    watched: Watched,
    own: Sequence[Stored],
    gaps: Sequence[tuple[Gap, float, float]],
    excuses: Sequence[tuple[float, float]],
) -> Iterator[Finding]:
    """Yield where a turn is missing that no gap record tells of."""
    told = [(first_s, last_s, gap.count or 0) for gap, first_s, last_s in gaps if gap.device == name]
    for one, other in itertools.pairwise(own):
        if any(first_s < other.at_s and last_s > one.at_s for first_s, last_s in excuses):
            continue
        missed = sum(count for first_s, last_s, count in told if one.at_s - 0.1 < last_s <= other.at_s + 0.1)
        turns = round((other.at_s - one.at_s - 0.4 * watched.period_s) / watched.period_s) - missed
        if turns > 1:
            detail = f"{other.at_s - one.at_s:.3f} s to the next, and {missed} declared"
            yield Finding("lost", name, one.at_s, detail)


def _asked(
    name: str,
    watched: Watched,
    own: Sequence[Stored],
    said: Sequence[Given],
    excuses: Sequence[tuple[float, float]],
    ledger: Ledger,
) -> Iterator[Finding]:
    """Judge a device that is asked: each request belongs to the turn before it."""
    begins = [each.at_s - _CLOCK_S for each in own]
    turns: dict[int, list[Given]] = {}
    for each in said:
        ledger.given += 1
        at = bisect_right(begins, each.at_s) - 1
        if at < 0 or each.at_s - own[at].at_s > watched.turn_s:
            if each.queued or any(first_s - 0.1 <= each.at_s <= last_s + 0.1 for first_s, last_s in excuses):
                ledger.excused += 1
            else:
                late = "" if at < 0 else f", {each.at_s - own[at].at_s:.3f} s behind the last sample"
                yield Finding("lost" if each.in_time else "mistimed", name, each.at_s, f"asked outside a turn{late}")
            continue
        turns.setdefault(at, []).append(each)
    for at, one in enumerate(own):
        asked = turns.get(at, [])
        if asked and not asked[0].queued and asked[0].at_s - one.at_s > watched.soon_s:
            detail = f"asked {asked[0].at_s - one.at_s:.3f} s behind the time of its reading"
            yield Finding("mistimed", name, one.at_s, detail)
        yield from _held_against(name, watched, one, asked, ledger)


def _listened(
    name: str,
    watched: Watched,
    own: Sequence[Stored],
    said: Sequence[Given],
    excuses: Sequence[tuple[float, float]],
    ledger: Ledger,
) -> Iterator[Finding]:
    """Judge a device that talks by itself: only what it says within a turn matters."""
    said = sorted(said, key=lambda each: each.at_s)
    times = [each.at_s for each in said]
    ledger.given += len(said)
    for one in own:
        begins_s, ends_s = one.at_s + _EDGE_S, one.at_s + watched.turn_s - 2 * _EDGE_S
        first, end = bisect_right(times, one.at_s - _EDGE_S), bisect_right(times, one.at_s + watched.turn_s)
        heard = [each if begins_s < each.at_s < ends_s else replace(each, in_time=False) for each in said[first:end]]
        yield from _held_against(name, watched, one, heard, ledger)


def _held_against(name: str, watched: Watched, one: Stored, said: Sequence[Given], ledger: Ledger) -> Iterator[Finding]:
    sample = one.sample
    for channel, value, quality in zip(sample.names, sample.values, sample.quality, strict=True):
        ledger.readings += 1
        whole = [each.values[channel] for each in said if each.whole and channel in each.values]
        if value is not None and quality < FIRST_BAD:
            ledger.good += 1
            if not any(_means(value, each, watched.resolution[channel]) for each in whole):
                yield Finding("fabricated", name, one.at_s, f"{channel} = {value}, but it said {whole or 'nothing'}")
            continue
        sure = [each.values[channel] for each in said if each.in_time and channel in each.values]
        reason = Quality(quality).reason
        if sure and reason not in sure:
            yield Finding("lost", name, one.at_s, f"{channel} is {reason}, but it said {sure}")


def _means(value: float, said: Value, resolution: float) -> bool:
    return not isinstance(said, str) and abs(value - said) <= resolution * 0.5 + 1e-6 + abs(said) * 1e-7
