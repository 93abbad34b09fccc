"""A backtest's report for people, and as a picture."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec

from siloscope_alerting.backtest.labels import Verdict
from siloscope_alerting.backtest.report import Firing, Report
from siloscope_alerting.columns import Catalogue
from siloscope_alerting.pictures.chart import PictureOrder
from siloscope_alerting.ports import History
from siloscope_contract.alerts.conditions import Threshold
from siloscope_contract.alerts.rules import Rule
from siloscope_process.clock import to_ms

_MOST_LISTED = 200
_SHOWN_UNITS = {"Cel": "°C", "%RH": "%"}


def told(report: Report, verdict: Verdict | None = None) -> str:
    """Return what people read."""
    return "".join(f"{line}\n" for line in (*_head(report), *_firings(report), *_pages(report), *_verdict(verdict)))


def _head(report: Report) -> Iterator[str]:
    yield f"{', '.join(report.rules)}: {report.begins} to {report.ends}"
    yield f"{_number(report.channels, 'channel')}, {_number(report.readings, 'reading')}"


def _firings(report: Report) -> Iterator[str]:
    if not report.firings:
        yield "would not have fired"
        return
    total_s = sum(firing.seconds for firing in report.firings)
    yield f"would have fired {_number(len(report.firings), 'time')}, for {spell(total_s)} together"
    yield ""
    widths = [max(len(row[at]) for row in _rows(report.firings)) for at in range(6)]
    for row in _rows(report.firings):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    if len(report.firings) > _MOST_LISTED:
        yield f"and {_number(len(report.firings) - _MOST_LISTED, 'time')} more"


def _rows(firings: Sequence[Firing]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("fired", "resolved", "for", "severity", "rule", "subject")]
    for each in firings[:_MOST_LISTED]:
        value = "" if each.value is None else f" ({each.value:.1f} {_SHOWN_UNITS.get(each.unit, each.unit)})"
        ended = each.ended or "still firing"
        rows.append((each.fired, ended, spell(each.seconds), each.severity.value, each.rule, each.subject + value))
    return rows


def _pages(report: Report) -> Iterator[str]:
    if not report.firings:
        return
    yield ""
    if not report.paged:
        yield f"{_number(report.incidents, 'incident')}; no route tells anybody"
        return
    yield f"{_number(report.incidents, 'incident')}; with nobody acknowledging:"
    for each in report.paged:
        yield f"  {each.route} → {each.channel}: {each.messages} {each.kind}"


def _verdict(verdict: Verdict | None) -> Iterator[str]:
    if verdict is None:
        return
    yield ""
    of = len(verdict.found) + len(verdict.missed)
    yield f"found {len(verdict.found)} of {_number(of, 'labelled span')}"
    for begins, ends in verdict.missed:
        yield f"  missed {begins} to {ends}"
    yield _number(len(verdict.false_alarms), "false alarm")
    for alarm in verdict.false_alarms:
        yield f"  {alarm.fired} {alarm.rule} {alarm.subject}"
    if verdict.about_data:
        yield f"{_number(verdict.about_data, 'firing')} about missing, bad or stuck readings, which count as neither"


async def picture_of(
    report: Report, rule: Rule, catalogue: Catalogue, history: History, from_ms: int, to_ms: int
) -> PictureOrder | None:
    """Return the picture of the channel that fired most, or of the first where none did; None where there is none."""
    subjects = [firing.subject for firing in report.firings]
    titles = [channel.title for channel in catalogue.channels]
    fired = [row for row, title in enumerate(titles) if title in subjects]
    row = max(fired, key=lambda each: subjects.count(titles[each]), default=0)
    if not titles:
        return None
    channel = catalogue.channels[row]
    times, values = (await history.between([row], from_ms, to_ms)).get(row, ((), ()))
    if not len(times):
        return None
    level, clear = _levels(rule)
    bands = [
        (to_ms_of(each.fired), to_ms if each.ended is None else to_ms_of(each.ended))
        for each in report.firings
        if each.subject == titles[row]
    ]
    return PictureOrder(
        title=f"{rule.name}: {channel.title}",
        unit=_SHOWN_UNITS.get(channel.unit, channel.unit),
        time_zone=channel.time_zone,
        points=list(zip(map(int, times), map(float, values), strict=True)),
        level=level,
        clear=clear,
        bands=bands,
        longest_gap_ms=round(1000 * channel.allowance_s) if channel.allowance_s else None,
    )


def encoded(report: Report, verdict: Verdict | None) -> str:
    """Return what programs read: one JSON document."""
    found = msgspec.to_builtins(report)
    if verdict is not None:
        found["labels"] = msgspec.to_builtins(verdict)
    return msgspec.json.format(msgspec.json.encode(found)).decode() + "\n"


def spell(seconds: int) -> str:
    """Return a length of time as people say it.

    >>> spell(93_720)
    '1 d 2 h'
    """
    parts = [(seconds // 86_400, "d"), (seconds % 86_400 // 3_600, "h"), (seconds % 3_600 // 60, "min")]
    told = [f"{count} {unit}" for count, unit in parts if count][:2]
    return " ".join(told) or f"{seconds} s"


def to_ms_of(text: str) -> int:
    """Return the epoch milliseconds of a time as reports write it."""
    return to_ms(datetime.fromisoformat(text))


def _levels(rule: Rule) -> tuple[float | tuple[float, float] | None, float | tuple[float, float] | None]:
    condition = rule.condition
    if not isinstance(condition, Threshold) or condition.reads != "value":
        return None, None
    levels = (condition.above, condition.below, condition.inside, condition.outside)
    return next((each for each in levels if each is not None), None), condition.clear


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}".replace(",", " ")
