"""What the doctor tells a technician at a terminal, 79 columns wide. Pure."""

import struct
import textwrap
from collections.abc import Collection, Iterator

from siloscope_edge.doctor.draft import number, way
from siloscope_edge.doctor.findings import Area, DeviceFindings, Ended, Findings, Guess, Ranking, TableFindings
from siloscope_edge.doctor.session import Progress
from siloscope_edge.drivers.modbus.profile import BIT_TABLES

WIDTH = 79
_SHOWN_WORDS = 48
_SHOWN_GROUPS = 3
_BAR = 20
_LEAST_SHARE = 0.01


def lines_of(found: Findings) -> Iterator[str]:
    """Yield the report."""
    yield from _line(found)
    placed = {
        ranking.clue
        for device in found.devices
        for ranking in device.rankings
        if ranking.verdict in ("clear", "likely")
    }
    for device in found.devices:
        yield ""
        yield from _device(device, placed)
    yield ""
    yield _end(found)


def bar(step: Progress, width: int = WIDTH) -> str:
    """Return a line that says how far it is."""
    share = step.done / step.of if step.of else 0.0
    filled = round(_BAR * min(1.0, share))
    left = f"[{'#' * filled}{'.' * (_BAR - filled)}] {step.what}"
    right = f" {step.devices} found, {clock(step.spent_s)} of {clock(step.within_s)}"
    return left[: width - len(right)].ljust(width - len(right)) + right


def clock(seconds: float) -> str:
    """Return a time as a clock shows it.

    >>> clock(41.3), clock(300)
    ('0:41', '5:00')
    """
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"


def minutes(seconds: float) -> str:
    """Return a time as people say it.

    >>> minutes(41.3), minutes(300)
    ('41 s', '5 min 0 s')
    """
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def _line(found: Findings) -> Iterator[str]:
    for kind, settings in found.line.items():
        yield f"{kind}: {{{', '.join(f'{key}: {value}' for key, value in settings.items())}}}"
    if not found.line:
        yield f"{found.where}: nobody answered"
        yield from _wrapped(f"tried {', '.join(found.tried_lines)}", "  ")
    if found.any_unit:
        yield from _wrapped("This host answers alike whatever the unit id: one stands for all.", "  ")
    if found.silent_units:
        yield from _wrapped(f"silent: unit {spans(found.silent_units)}", "  ")
    for note in found.notes:
        yield from _wrapped(note, "  ! ")


def _device(device: DeviceFindings, placed: Collection[str]) -> Iterator[str]:
    head = f"unit {device.unit_id}: {device.presence.replace('_', ' ')}"
    counts = f"{device.answers} sound answers, {device.broken} broken, {device.silent} silent"
    yield f"{head}  ({counts})"
    for note in device.notes:
        yield from _wrapped(note, "  ! ")
    for name, value in device.identity.items():
        yield from _wrapped(f"{name}: {value}", "  ")
    if device.timing is not None:
        timing = device.timing
        spread = f"fastest {timing.min_ms:g}, median {timing.median_ms:g}, 95 % within {timing.p95_ms:g} ms"
        yield f"  answers: {spread}; time-out {device.timeout_s:g} s"
    if device.tables:
        rest = "none" if device.rest_s == 0 else f"{device.rest_s * 1000:g} ms" if device.rest_s else "more than 500 ms"
        yield f"  rest between requests: {rest if device.rest_s is not None else 'not measured'}"
    if device.fitting:
        yield from _wrapped(f"fits the shipped profile {', or '.join(device.fitting)}", "  ")
    for table in device.tables:
        yield from _table(table)
    for ranking in device.rankings:
        yield ""
        if ranking.verdict == "nothing" and ranking.clue in placed:
            yield f"  {ranking.clue}: not here"
        else:
            yield from _ranking(ranking)


def _table(table: TableFindings) -> Iterator[str]:
    what = "bits" if table.table in BIT_TABLES else "registers"
    if table.answers_everywhere:
        yield from _wrapped(f"{table.table} {what}: any address answers, so which mean something cannot be seen", "  ")
    else:
        areas = ", ".join(_area(area) for area in table.areas)
        yield from _wrapped(f"{table.table} {what}: {areas}{'' if table.complete else ' (not all was searched)'}", "  ")
    yield from _wrapped("; ".join(_limits(table, what)), "    ")
    if table.table in BIT_TABLES:
        on = [at for at, bits in table.words.items() if bits and bits[-1]]
        yield from _wrapped(f"on: {spans(on) if on else 'none'}", "    ")
    elif table.words:
        yield from _words(table)


def _limits(table: TableFindings, what: str) -> Iterator[str]:
    more = "" if table.most_is_known else " or more"
    if table.most_per_request:
        yield f"{table.most_per_request}{more} {what} a request"
    if table.gap is not None:
        yield f"gaps of up to {table.gap} are read across" if table.gap else "a gap in a request is refused"
    if table.width == 2:
        yield "single registers are refused, pairs are read"


def _words(table: TableFindings) -> Iterator[str]:
    """Yield the raw words, and what they are at once; runs of the same word stand in one line."""
    yield "      address   hex  uint16   int16     float ABCD     float CDAB"
    shown = 0
    addresses = sorted(table.words)
    at = 0
    while at < len(addresses) and shown < _SHOWN_WORDS:
        first = addresses[at]
        last = first
        while table.words.get(last + 1) == table.words[first] and first + 1 in table.words:
            last += 1
        run = last - first >= 3
        last = last if run else first
        yield _word(table, first, last)
        at += last - first + 1
        shown += 1
    if at < len(addresses):
        yield f"    and {len(addresses) - at} more (--json shows all)"


def _word(table: TableFindings, first: int, last: int) -> str:
    words = table.words[first]
    word = words[-1]
    signed = word - 0x10000 if word > 0x7FFF else word
    place = f"{first}" if first == last else f"{first}-{last}"
    behind = table.words.get(first + 1)
    floats = "".join(_float(word, behind[-1], swapped=swapped) for swapped in (False, True)) if behind else " " * 30
    moved = "  moves" if len(set(words)) > 1 else ""
    return f"    {place:>9}  {word:04X}  {word:>6}  {signed:>6}{floats if first == last else ''}{moved}".rstrip()


def _float(high: int, low: int, *, swapped: bool) -> str:
    """Return two registers as a float, where that is a number that anybody might measure."""
    value = struct.unpack(">f", struct.pack(">HH", *((low, high) if swapped else (high, low))))[0]
    return f"{value:>15.6g}" if 1e-4 <= abs(value) < 1e7 else f"{'-':>15}"


def _ranking(ranking: Ranking) -> Iterator[str]:
    verdicts = {
        "clear": "clear",
        "likely": "likely, not sure",
        "open": "OPEN: these readings do not settle it",
        "nothing": "NOTHING fits",
    }
    shown = [group for group in ranking.groups[:_SHOWN_GROUPS] if group[0].share >= _LEAST_SHARE]
    if not shown and ranking.verdict != "nothing":
        shown = list(ranking.groups[:1])
    least_bad = "; the least bad:" if ranking.verdict == "nothing" and shown else ""
    yield f"  {ranking.clue}: {verdicts[ranking.verdict]}{least_bad}"
    for group in shown:
        share = 100 * group[0].share
        yield from _guess(group[0], share)
        if len(group) > 1:
            yield from _wrapped(_ties(group), "          ")


def _ties(group: tuple[Guess, ...]) -> str:
    first, others = group[0], group[1:]
    if len(others) == 1 and {first.type, others[0].type} == {"int16", "uint16"} and others[0].address == first.address:
        return f"{others[0].type} gives the same: they differ only below zero and from 32768 on"
    shown = ", ".join(way(each).removeprefix(f"{first.table} ") for each in others[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return f"the same numbers also as {shown}{more}: these readings cannot tell"


def _guess(guess: Guess, share: float) -> Iterator[str]:
    values = ", ".join(map(number, guess.values))
    yield from _wrapped(f"{share:5.1f} %  {way(guess)} = {values} {guess.unit}", "  ", "          ")
    yield from _wrapped("; ".join(guess.reasons), "          ")


def _end(found: Findings) -> str:
    whys = {
        Ended.COMPLETE: "All was asked",
        Ended.TIME: "The time was over before all was asked (--within gives more)",
        Ended.STOPPED: "Stopped; this is what was found until then",
        Ended.PORT_LOST: "The port was lost; this is what was found until then",
    }
    return f"{whys[found.ended]}: {found.requests} requests in {minutes(found.took_s)}."


def spans(numbers: list[int]) -> str:
    """Return whole numbers as spans.

    >>> spans([1, 2, 4, 5, 6, 9])
    '1-2, 4-6, 9'
    """
    found: list[list[int]] = []
    for each in numbers:
        if found and each == found[-1][-1] + 1:
            found[-1][1:] = [each]
        else:
            found.append([each])
    return ", ".join("-".join(str(each) for each in span) for span in found)


def _area(area: Area) -> str:
    return f"{area.first}" if area.size == 1 else f"{area.first}-{area.last}"


def _wrapped(text: str, first: str, then: str | None = None) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=then if then is not None else " " * (len(first) + 2)
    )
