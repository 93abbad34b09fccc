"""Thinning out: of what cannot all stay, a sample of each device at coarser intervals. No I/O."""

from collections.abc import Sequence

from msgspec import Struct

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Form, Sample
from siloscope_contract.quality import FIRST_BAD

_WORTH_IT = 0.75
"""Where more than this share would stay, rewriting wears the flash for nothing."""


class Thinning(Struct, frozen=True):
    """What is thinned out, and how far.

    Attributes:
        steps_ms: Intervals, one coarser than the other.
        evicts: Devices whose samples are not worth thinning: they go at once.
        form: How what is kept is written.
    """

    steps_ms: tuple[int, ...] = ()
    evicts: frozenset[str] = frozenset()
    form: Form = Form.ZLIB

    def of(self, samples: Sequence[Sample], step_ms: int) -> "Thinned | None":
        """Return what stays of samples that are at least ``step_ms`` apart; None where no step makes enough room."""
        for coarser_ms in (each for each in self.steps_ms if each > step_ms):
            thinned = _thinned(samples, coarser_ms, self.evicts)
            if samples and len(thinned.kept) <= _WORTH_IT * len(samples):
                return thinned
        return None


class Thinned(Struct, frozen=True):
    """What stays of samples, the step of it, and gap records for whole devices that do not stay."""

    kept: list[Sample]
    step_ms: int
    gaps: list[Gap]


def _thinned(samples: Sequence[Sample], step_ms: int, evicts: frozenset[str]) -> Thinned:
    """Return one sample of each device and interval: the first that has a value, else the first."""
    kept: dict[tuple[str, int], Sample] = {}
    gone: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.device in evicts:
            gone.setdefault(sample.device, []).append(sample)
            continue
        place = (sample.device, sample.time_ms // step_ms)
        if place not in kept or (_is_bad(kept[place]) and not _is_bad(sample)):
            kept[place] = sample
    stays = sorted(kept.values(), key=lambda each: each.time_ms)
    return Thinned(stays, step_ms, [_gap(*each) for each in gone.items()])


def _is_bad(sample: Sample) -> bool:
    return all(code >= FIRST_BAD for code in sample.quality)


def _gap(device: str, samples: Sequence[Sample]) -> Gap:
    times = [sample.time_ms for sample in samples]
    detail = "the spool was full"
    return Gap(GapKind.EVICTED, min(times), max(times), device=device, count=len(samples), detail=detail)
