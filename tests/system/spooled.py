"""What an edge agent ever spooled, read from its file without any of our code.

The records are resolved here a second time, straight from RFC 8428, so that a mistake made alike in writing and reading
would still show.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SEQ_BITS = 40


@dataclass(frozen=True, order=True)
class Instant:
    """One channel of one device at one instant."""

    device: str
    channel: str
    time_ms: int


@dataclass(frozen=True)
class Value:
    """What was read there; no value and no unit where reading failed."""

    value: float | None
    unit: str | None
    quality: int


@dataclass
class Spooled:
    """Every reading in the spool, and the numbers of the packs that carry them."""

    readings: dict[Instant, Value] = field(default_factory=dict)
    twice: list[Instant] = field(default_factory=list)
    seqs: dict[str, set[int]] = field(default_factory=dict)


def read_spool(file: Path) -> Spooled:
    """Read the whole spool, committed packs included, as one consistent state."""
    found = Spooled()
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10) as connection:
        epochs = dict(connection.execute("SELECT ordinal, epoch FROM epoch"))
        for number, payload in connection.execute("SELECT number, payload FROM pack ORDER BY number"):
            epoch, seq = epochs[number >> SEQ_BITS], number & ((1 << SEQ_BITS) - 1)
            records = _records(payload)
            assert (records[0]["epoch"], records[0]["seq"]) == (epoch, seq), (
                "a pack's number is not the one it is kept by"
            )
            found.seqs.setdefault(epoch, set()).add(seq)
            for instant, value in _resolved(records):
                if instant in found.readings:
                    found.twice.append(instant)
                found.readings[instant] = value
    connection.close()
    return found


def _records(payload: bytes) -> list[dict[str, Any]]:
    text = payload if payload[:1] == b"[" else zlib.decompress(payload)
    records: list[dict[str, Any]] = json.loads(text)
    return records


def _resolved(records: list[dict[str, Any]]) -> Iterator[tuple[Instant, Value]]:
    base: Mapping[str, Any] = {}
    for record in records:
        base = {**base, **{label: record[label] for label in ("bn", "bt", "bu") if label in record}}
        if "gaps" in record:
            continue
        device, _, channel = (base.get("bn", "") + record.get("n", "")).partition("/")
        time_ms = round((base.get("bt", 0) + record.get("t", 0)) * 1000)
        failed = "v" not in record
        unit = None if failed else record.get("u", base.get("bu"))
        yield Instant(device, channel, time_ms), Value(record.get("v"), unit, record.get("q", 0))
