"""How a file writes times, and what instant that is."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from siloscope_process.clock import from_ms, to_ms

Ambiguous = Literal["refuse", "earlier", "later"]
FORMS = ("auto", "iso", "s", "ms", "us", "ns")
_PER_MS = {"s": (1000, 1), "ms": (1, 1), "us": (1, 1_000), "ns": (1, 1_000_000)}
_MOST_KEPT = 50_000
_LONGEST_NUMBER = 40
_LONGEST_DATE = 8  # 20240131 is a date and no number
# Numbers from 1973 on lie apart by their unit: seconds below 1e11, milliseconds below 1e14, and so on.
_GUESSED = ((10**11, "s"), (10**14, "ms"), (10**17, "us"))


class TimeUnreadable(ValueError):
    """A text is no time of the form that was stated; says what was expected."""


@dataclass(frozen=True)
class TimeReader:
    """Reads times.

    Attributes:
        form: iso, a unit of an epoch, auto (both, by what stands there), or a strptime pattern.
        zone: Of times without an offset; None refuses them.
        ambiguous: Which of two instants a local time means that a clock showed twice.
    """

    form: str = "auto"
    zone: ZoneInfo | None = None
    ambiguous: Ambiguous = "refuse"
    _kept: dict[str, int] = field(default_factory=dict, repr=False, compare=False)

    def read(self, text: str) -> int:
        """Return epoch milliseconds, rounded to the nearest.

        Raises:
            TimeUnreadable: It cannot be read, or names no one instant.
        """
        known = self._kept.get(text)
        if known is None:
            known = self._read(text.strip())
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[text] = known
        return known

    def _read(self, text: str) -> int:
        try:
            if self.form in _PER_MS:
                return _of_epoch(text, self.form)
            if self.form == "auto" and _is_number(text):
                return _of_epoch(text, _guessed(text))
            at = datetime.fromisoformat(text) if self.form in ("auto", "iso") else datetime.strptime(text, self.form)  # noqa: DTZ007 - a zone is given below
        except (ValueError, OverflowError):
            raise TimeUnreadable(self.expected) from None
        return self.instant_ms(at)

    def instant_ms(self, at: datetime) -> int:
        """Return the epoch milliseconds of a time that may be local.

        Raises:
            TimeUnreadable: It names no one instant.
        """
        if at.tzinfo is None:
            at = self._zoned(at)
        try:
            return to_ms(at)
        except OverflowError:
            raise TimeUnreadable(self.expected) from None

    @property
    def expected(self) -> str:
        """What a time looks like, in words."""
        words = {
            "auto": "ISO 8601 such as 2026-01-31T06:00:00Z, or a number since 1970",
            "iso": "ISO 8601 such as 2026-01-31T06:00:00Z",
        }
        if self.form in _PER_MS:
            return f"a number of {self.form} since 1970"
        return words.get(self.form, f"a time of the form {self.form!r}")

    def _zoned(self, at: datetime) -> datetime:
        if self.zone is None:
            raise TimeUnreadable("an offset such as Z or +01:00, or --zone for local times")
        first, second = (at.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        before, after = first.utcoffset() or timedelta(), second.utcoffset() or timedelta()
        if before == after:
            return first
        if before < after:
            raise TimeUnreadable(f"a time that clocks in {self.zone.key} showed: they were put forward over this one")
        if self.ambiguous == "refuse":
            raise TimeUnreadable(f"one instant: clocks in {self.zone.key} showed this twice; --ambiguous says which")
        return first if self.ambiguous == "earlier" else second


def utc(time_ms: int) -> str:
    """Return a time for people: ISO 8601, or the number where no calendar has it.

    >>> utc(1769925600000)
    '2026-02-01T06:00:00Z'
    """
    try:
        at = from_ms(time_ms)
    except (ValueError, OverflowError, OSError):
        return str(time_ms)
    return at.isoformat(timespec="milliseconds" if time_ms % 1000 else "seconds").replace("+00:00", "Z")


def _is_number(text: str) -> bool:
    return text.lstrip("-").replace(".", "", 1).isdecimal() and len(text) > _LONGEST_DATE


def _guessed(text: str) -> str:
    whole = abs(int(text.split(".")[0] or 0))
    return next((unit for limit, unit in _GUESSED if whole < limit), "ns")


def _of_epoch(text: str, unit: str) -> int:
    factor, divisor = _PER_MS[unit]
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(text[:_LONGEST_NUMBER])
    if text.lstrip("-").isdecimal():  # exact: a float holds no nanoseconds
        return (int(text) * factor * 2 + divisor) // (2 * divisor)
    if "_" in text:
        raise ValueError(text)
    return round(float(text) * factor / divisor)
