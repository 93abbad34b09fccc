"""Rows, and what a batch gathers of them."""

from types import SimpleNamespace
from typing import Any

from siloscope_ingest.folding import Gathered
from siloscope_store.sample_rows import encode
from siloscope_store.samples import SPAN_MS

BASE_MS = 2_900 * SPAN_MS
EPOCH = "0123456789abcdef" * 2
LAST = 2**63 - 1
KEY = 1, BASE_MS


def row(group_id: int, time_ms: int, *values: float) -> bytes:
    """A row of its one value, or of these."""
    return encode(group_id, time_ms, values or (1.0,), None)


def place(group_id: object = 1, table: object = 0) -> Any:
    """What is asked of a part that is whole."""
    return SimpleNamespace(group_id=group_id, table=table, whole=True)


def gathered(**changed: Any) -> Any:
    """What a new batch has gathered, two spans being open."""
    nothing = Gathered(SPAN_MS, {2_900 * 2, 2_900 * 2 + 1}, ({}, {}), {}, {}, set(), set())
    return nothing._replace(**changed)
