"""A draft profile of what was found, as YAML that ``siloscope edge check`` accepts; what is guessed is said. Pure."""

import json
from collections.abc import Iterator, Sequence

from siloscope_contract.quantities import quantity
from siloscope_edge.doctor.findings import DeviceFindings, Findings, Guess, Ranking, TableFindings
from siloscope_edge.drivers.modbus.profile import BIT_TABLES

_MOST_RAW = 24
_MOST_BITS = 8
_NEVER_VALUES = (0, 0xFFFF, 0x8000, 0x7FFF)
_UNSAYABLE = ("bcd16", "bcd32")


def draft(found: Findings, device: DeviceFindings, name: str) -> str:
    """Return the text of a profile.

    Args:
        found: The survey.
        device: One of its devices.
        name: The profile's name: that of its file without ``.yaml``.
    """
    lines = [*_head(found, device, name), *_limits(device), "channels:"]
    taken = set[str]()
    sayable = [ranking for ranking in device.rankings if _best(ranking) is not None]
    for ranking in sayable:
        lines += _channel(ranking, _key(ranking.quantity or "value", taken))
    if not sayable:
        lines += [line for ranking in device.rankings for line in _open(ranking)]
        lines += _raw_channels(device.tables, taken)
    return "\n".join(lines) + "\n"


def _head(found: Findings, device: DeviceFindings, name: str) -> Iterator[str]:
    yield f"# Drafted by `siloscope edge doctor` from unit {device.unit_id} of {found.where}."
    yield "# What is marked as a guess is one: compare each value with the instrument before you trust it."
    yield "# To read it, with this file in a folder named by profile_directories:"
    yield "#   buses:"
    yield "#     - name: line-1"
    for kind, settings in found.line.items():
        yield f"#       {kind}: {{{', '.join(f'{key}: {value}' for key, value in settings.items())}}}"
    yield "#       devices:"
    yield f"#         - {{name: {name}, profile: {name}, unit_id: {device.unit_id}}}"
    for fitting in device.fitting:
        yield f"# The shipped profile {fitting} fits all that was read: if it is that instrument, use that one."
    yield f"profile: {name}"
    yield f"title: {json.dumps(device.identity.get('product') or f'Unit {device.unit_id}, drafted by the doctor')}"
    yield "protocol: modbus"
    yield "source: Measured by the doctor"
    yield "period_s: 60"


def _limits(device: DeviceFindings) -> Iterator[str]:
    yield "limits:"
    registers = [table for table in device.tables if table.table not in BIT_TABLES]
    bits = [table for table in device.tables if table.table in BIT_TABLES]
    for name, tables in (("registers_per_request", registers), ("bits_per_request", bits)):
        if tables:
            known = [table.most_per_request for table in tables if table.most_is_known]
            most = min(known) if known else max(table.most_per_request for table in tables)
            yield f"  {name}: {max(most, _widest(device))}{'' if known else '  # more were not there to try'}"
    gaps = [table.gap for table in device.tables if table.gap is not None]
    yield f"  gap_registers: {min(124, *gaps) if gaps else 0}{'' if gaps else '  # there was no gap to try'}"
    if device.rest_s is not None:
        yield f"  rest_s: {max(device.rest_s, 0.01):g}  # {'measured' if device.rest_s else 'it needs none'}"
    if device.timeout_s is not None and device.timing is not None:
        yield f"  timeout_s: {device.timeout_s:g}  # 95 % of its answers came within {device.timing.p95_ms:g} ms"


def _widest(device: DeviceFindings) -> int:
    best = [guess for ranking in device.rankings if (guess := _best(ranking)) is not None]
    return max((guess.words for guess in best), default=1)


def _best(ranking: Ranking) -> Guess | None:
    """Return the first way that a profile can say."""
    if ranking.verdict == "nothing" or (ranking.verdict == "open" and not ranking.is_pointed):
        return None
    return next((each for group in ranking.groups for each in group if each.type not in _UNSAYABLE), None)


def _channel(ranking: Ranking, key: str) -> Iterator[str]:
    guess = _best(ranking)
    assert guess is not None, "only rankings with a sayable guess have a channel"
    group = next(group for group in ranking.groups if guess in group)
    share = group[0].share
    shown = ", ".join(map(number, guess.values))
    yield f"  # {ranking.clue}: {ranking.verdict}, {100 * share:.3g} %; read {shown}"
    yield f"  # guess: {'; '.join(guess.reasons)}"
    for other in group[1:4]:
        if other is not guess:
            yield f"  # the same numbers also as {way(other)}"
    if ranking.verdict != "clear":
        for rival in [each[0] for each in ranking.groups if guess not in each][:2]:
            yield f"  # or {way(rival)}: {number(rival.values[0])} ({100 * rival.share:.2g} %)"
    yield f"  - key: {key}"
    yield f"    table: {guess.table}"
    yield f"    address: {guess.address}"
    yield f"    type: {guess.type}"
    if guess.byte_order != "ABCD":
        yield f"    byte_order: {guess.byte_order}"
    if guess.type == "string":
        yield f"    words: {guess.words}"
    if guess.negative_from is not None:
        yield f"    negative_from: {guess.negative_from}"
    if guess.scale != 1.0:
        yield f"    scale: {guess.scale:.12g}"
    if guess.offset:
        yield f"    offset: {guess.offset:.12g}"
    named = ranking.quantity or "dimensionless"
    yield f"    quantity: {named}"
    yield f"    unit: {json.dumps(quantity(named).unit)}"


def _open(ranking: Ranking) -> Iterator[str]:
    yield f"  # {ranking.clue}: {'nothing fits' if ranking.verdict == 'nothing' else 'these readings do not settle it'}"
    if ranking.verdict != "nothing":
        for group in ranking.groups[:3]:
            yield f"  #   {way(group[0])}: {number(group[0].values[-1])} ({100 * group[0].share:.2g} %)"


def number(value: float | None) -> str:
    """Return a value in words.

    >>> number(23.4), number(None)
    ('23.4', 'none')
    """
    return "none" if value is None else f"{value:.7g}"


def way(guess: Guess) -> str:
    """Return a way to read in a few words."""
    order = f" {guess.byte_order}" if guess.byte_order != "ABCD" else ""
    scale = f" × {guess.scale:g}" if guess.scale != 1.0 else ""
    offset = f" {guess.offset:+g}" if guess.offset else ""
    turned = f" negative from {guess.negative_from}" if guess.negative_from else ""
    return f"{guess.table} {guess.address} {guess.type}{order}{scale}{offset}{turned}"


def _raw_channels(tables: Sequence[TableFindings], taken: set[str]) -> Iterator[str]:
    """Yield a channel for each register that holds something, as it is; one at least."""
    yield "  # Nothing is known of these yet: raw words, so that you can watch which one moves with the instrument."
    held = [
        (table, at, words[-1])
        for table in tables
        for at, words in table.words.items()
        if table.table not in BIT_TABLES and words and (words[-1] not in _NEVER_VALUES or len(set(words)) > 1)
    ]
    bits = [(each, at, words[-1]) for each in tables if each.table in BIT_TABLES for at, words in each.words.items()]
    chosen = held[:_MOST_RAW] + bits[:_MOST_BITS]
    if not chosen:
        table = tables[0]
        chosen = [(table, table.areas[0].first, 0)]
    for table, at, word in chosen:
        kind = "bit" if table.table in BIT_TABLES else "int16" if word > 0x8000 else "uint16"
        key = _key(f"{table.table}-{at}", taken)
        place = f"table: {table.table}, address: {at}, type: {kind}"
        yield f'  - {{key: {key}, {place}, quantity: dimensionless, unit: ""}}  # was {word}'


def _key(wanted: str, taken: set[str]) -> str:
    key, number = wanted, 1
    while key in taken:
        number += 1
        key = f"{wanted}_{number}"
    taken.add(key)
    return key
