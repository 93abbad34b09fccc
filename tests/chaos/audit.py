"""The auditor: compares all that nodes ever spooled with all that the database holds, by SQL of its own."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import sql

from tests.chaos.records import PackId
from tests.chaos.truth import Place, Truth
from tests.system.spooled import Value

DAY_MS = 86_400_000
PAST_MS, FUTURE_MS = 60 * DAY_MS, DAY_MS  # within, a sample is stored whatever else its clock did
WEEK_MS = 7 * DAY_MS
MOST_FAR_WEEKS = 16
_SLACK_MS = 3_600_000

READINGS = """
SELECT n.slug, d.slug, c.key, (extract(epoch FROM s.time) * 1000)::int8,
    s."values"[c.position + 1], c.unit, s.quality[c.position + 1]
FROM {relation} AS s
JOIN channel AS c USING (group_id) JOIN device AS d USING (device_id) JOIN node AS n USING (node_id)
WHERE s."values"[c.position + 1] IS NOT NULL OR s.quality[c.position + 1] IS NOT NULL
"""
UNDATED = """
SELECT n.slug, d.slug, c.key, s.time_ms, s."values"[c.position + 1], c.unit, s.quality[c.position + 1],
    replace(s.epoch::text, '-', ''), s.seq
FROM undated AS s JOIN channel AS c USING (group_id) JOIN device AS d USING (device_id)
JOIN node AS n ON n.node_id = d.node_id
WHERE s."values"[c.position + 1] IS NOT NULL OR s.quality[c.position + 1] IS NOT NULL
"""
CONFLICTS = """
SELECT n.slug, d.slug, c.key, (extract(epoch FROM s.time) * 1000)::int8, s.other_value, c.unit, s.other_quality
FROM sample_conflict AS s JOIN channel AS c USING (group_id, position) JOIN device AS d USING (device_id)
JOIN node AS n USING (node_id)
"""
ACCOUNTED = """
SELECT replace(epoch::text, '-', ''), lower(span), upper(span)
FROM (SELECT epoch, unnest(accounted) AS span FROM node_epoch UNION ALL SELECT epoch, span FROM node_epoch_folded) AS a
"""
REFUSED = "SELECT replace(epoch::text, '-', ''), seq, reason FROM seq_refused"
GAPS = """
SELECT replace(epoch::text, '-', ''), first_seq, last_seq FROM gap_record
WHERE kind IN ('evicted', 'thinned') AND epoch IS NOT NULL AND first_seq IS NOT NULL
"""
QUARANTINE = "SELECT payload, reason, detail, topic FROM quarantine"
LATEST = """
SELECT n.slug, d.slug, c.key, (extract(epoch FROM l.times[c.position + 1]) * 1000)::int8, l."values"[c.position + 1],
    c.unit, l.quality[c.position + 1]
FROM latest AS l JOIN channel AS c USING (group_id) JOIN device AS d USING (device_id) JOIN node AS n USING (node_id)
WHERE l.times[c.position + 1] IS NOT NULL
"""


@dataclass
class Held:
    """What the database holds."""

    readings: dict[Place, Value] = field(default_factory=dict)
    undated: dict[Place, set[Value]] = field(default_factory=lambda: defaultdict(set))
    undated_ids: set[PackId] = field(default_factory=set)
    conflicts: dict[Place, set[Value]] = field(default_factory=lambda: defaultdict(set))
    accounted: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    refused: dict[PackId, str] = field(default_factory=dict)
    gaps: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: defaultdict(list))
    quarantine: list[tuple[bytes, str, str, str]] = field(default_factory=list)
    latest: dict[tuple[str, str, str], tuple[int, Value]] = field(default_factory=dict)
    twice: list[Place] = field(default_factory=list)

    def accounts_for(self, id: PackId) -> bool:
        """Say whether a number is accounted for."""
        return any(first <= id[1] < end for first, end in self.accounted.get(id[0], ()))

    def declares(self, id: PackId) -> bool:
        """Say whether a number was declared evicted or thinned out."""
        return any(first <= id[1] <= last for first, last in self.gaps.get(id[0], ()))


def read_accounts(url: str) -> Held:
    """Read which numbers are accounted for, alone."""
    held = Held()
    with psycopg.connect(url) as connection:
        _read_accounts(held, connection)
    return held


def read_database(url: str) -> Held:
    """Read all of it, as one state."""
    held = Held()
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for relation in ("sample", "sample_vitals"):
            statement = sql.SQL(READINGS).format(relation=sql.Identifier(relation))
            for node, device, key, time_ms, value, unit, code in connection.execute(statement):
                place = Place(node, device, key, int(time_ms))
                if place in held.readings:
                    held.twice.append(place)
                held.readings[place] = _value(value, unit, code)
        for node, device, key, time_ms, value, unit, code, epoch, seq in connection.execute(UNDATED):
            held.undated[Place(node, device, key, int(time_ms))].add(_value(value, unit, code))
            held.undated_ids.add((epoch, seq))
        for node, device, key, time_ms, value, unit, code in connection.execute(CONFLICTS):
            held.conflicts[Place(node, device, key, int(time_ms))].add(_value(value, unit, code))
        for node, device, key, time_ms, value, unit, code in connection.execute(LATEST):
            held.latest[node, device, key] = int(time_ms), _value(value, unit, code)
        for epoch, first, last in connection.execute(GAPS):
            held.gaps[epoch].append((first, last))
        held.refused = {(epoch, seq): reason for epoch, seq, reason in connection.execute(REFUSED)}
        held.quarantine = [(bytes(row[0]), *row[1:]) for row in connection.execute(QUARANTINE)]
        _read_accounts(held, connection)
    return held


def differences(truth: Truth, held: Held, lost: set[PackId], now_ms: int) -> Iterator[str]:
    """Yield everything that is wrong.

    Args:
        truth: What nodes left behind.
        held: What the database holds.
        lost: Packs that went with a card that was put back: they may be missing, and only they.
        now_ms: The time.
    """
    yield from truth.wrong
    yield from (f"stored twice: {place}" for place in held.twice)
    yield from _missing(truth, held, lost, now_ms)
    yield from _invented(truth, held)
    yield from _latest(held, now_ms)
    far = {place.time_ms // WEEK_MS for place in held.readings if not is_surely_dated(place.time_ms, now_ms)}
    if len(far) > MOST_FAR_WEEKS:
        yield f"wild clocks opened {len(far)} weeks"
    for payload, reason, detail, topic in held.quarantine:
        # On another's topic it came by a flipped bit; and it may come before the birth that says what it is about.
        if payload in truth.payloads and topic in truth.topics and reason != "channel_unknown":
            yield f"a good message of {topic} is in quarantine: {reason}: {detail}"
    for id, reason in held.refused.items():
        if id in truth.packs:
            yield f"a good pack was refused: {truth.packs[id].node} {id}: {reason}"


def _missing(truth: Truth, held: Held, lost: set[PackId], now_ms: int) -> Iterator[str]:
    for id, pack in truth.packs.items():
        if not held.accounts_for(id):
            if id not in lost or id in truth.still_spooled:
                yield f"not accounted for: pack {id} of {pack.node}"
            continue
        if id in held.refused or held.declares(id):
            continue
        for place, value in pack.readings.items():
            if not _is_kept(place, value, held, now_ms):
                found = held.readings.get(place)
                yield f"lost or altered: {place} of pack {id} is {value}; found {found}"


def _is_kept(place: Place, value: Value, held: Held, now_ms: int) -> bool:
    if held.readings.get(place) == value or value in held.conflicts.get(place, ()):
        return True
    return not is_surely_dated(place.time_ms, now_ms) and value in held.undated.get(place, ())


def is_surely_dated(time_ms: int, now_ms: int) -> bool:
    """Say whether a time is one that ingest believes, whenever in this campaign it came."""
    return now_ms - PAST_MS + _SLACK_MS <= time_ms <= now_ms + FUTURE_MS - _SLACK_MS


def _invented(truth: Truth, held: Held) -> Iterator[str]:
    candidates = truth.candidates()
    everything: list[tuple[str, dict[Place, Any]]] = [("undated", held.undated), ("conflict", held.conflicts)]
    for place, value in held.readings.items():
        if truth.knows(place.node) and value not in candidates.get(place, ()):
            yield f"invented: {place} holds {value}; possible were {candidates.get(place)}"
    for what, kept in everything:
        for place, values in kept.items():
            for value in values - candidates.get(place, set()) if truth.knows(place.node) else ():
                yield f"invented as {what}: {place} holds {value}; possible were {candidates.get(place)}"


def _latest(held: Held, now_ms: int) -> Iterator[str]:
    newest: dict[tuple[str, str, str], int] = {}
    for place in held.readings:
        if place.time_ms <= now_ms:
            newest[place[:3]] = max(newest.get(place[:3], place.time_ms), place.time_ms)
    for channel, time_ms in newest.items():
        found = held.latest.get(channel)
        if found is None or (found[0] != time_ms and found[0] <= now_ms):
            yield f"latest of {channel} is {found}; the newest is at {time_ms}"
    for (node, device, key), (time_ms, value) in held.latest.items():
        if held.readings.get(Place(node, device, key, time_ms)) != value:
            kept = held.readings.get(Place(node, device, key, time_ms))
            yield f"latest of {node}/{device}/{key} says {value} at {time_ms}; stored there is {kept}"


def _read_accounts(held: Held, connection: psycopg.Connection) -> None:
    for epoch, first, end in connection.execute(ACCOUNTED):
        held.accounted[epoch].append((first, end))


def _value(value: float | None, unit: str, code: int | None) -> Value:
    return Value(value, None if value is None else unit, code or 0)
