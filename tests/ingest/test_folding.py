"""What a batch does for every message is the same to the byte with compiled code and without."""

import pytest

from siloscope_ingest import folding
from siloscope_ingest.batches import Batch
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.entries import Entry
from siloscope_ingest.shapes import Part
from siloscope_store.ranges import of_numbers
from siloscope_store.sample_rows import encode
from tests.ingest.batches_by_chance import BASE_MS, EPOCHS, Nobody, history, use_python

WORLDS = 400


@pytest.mark.usefixtures("compiled")
def test_batches_by_chance_are_the_same_to_the_byte_with_and_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    quickly = [history(seed) for seed in range(WORLDS)]
    use_python(monkeypatch)
    assert [history(seed) for seed in range(WORLDS)] == quickly


def test_the_worlds_hold_what_may_go_wrong() -> None:
    """A comparison says nothing of what it never meets."""
    sealed = [each[0] for seed in range(WORLDS) for each in history(seed) if isinstance(each, tuple) and len(each) == 7]
    rows = [row for each in sealed for table in each.rows for row in table]
    for came in (b"\x00\x01", b"\x00\x02", b"\xff\xff"):
        assert sum(row.endswith(came) for row in rows) > 300
    assert sum(each.fresh and bool(each.newest) for each in sealed) > 20
    assert sum(bool(each.partial) for each in sealed) > 100
    assert sum(len(row) > 30 + 37 for each in sealed for row in each.accounted) > 300  # more than one range
    assert sum(all(each.rows) for each in sealed) > 300  # both tables


def test_rows_that_are_as_nearly_all_go_no_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Batch({2_900 * 2}, {})
    monkeypatch.setattr(found, "_add_row", None)
    for group_id in range(1, 100):
        part = Part(group_id, 0, [(0, 0)], 1)
        for second in (5, 7, 6):
            time_ms = BASE_MS + second * 1000
            row = encode(group_id, time_ms, [1.0], None)
            entry = Entry(Delivery("topic", b"", BASE_MS, 1, Nobody()), rows=[(part, time_ms, row)])
            assert found.add(entry) is None
    assert found.sealed().newest == 99
    assert len(found.sealed().rows[0]) == 297


def test_many_numbers_of_a_stream_are_accounted_for_like_one() -> None:
    found = Batch({2_900 * 2}, {})
    stream = 7, EPOCHS[0]
    for seq in (5, 5, 9, 6, 6, 5):
        found.add(Entry(Delivery("topic", b"", BASE_MS, 1, Nobody()), 7, 1, stream, seq))
    assert found.accounted() == {stream: of_numbers([5, 6, 9])}
    assert found.sealed().accounted == folding.accounted_plainly({stream: [5, 6, 9]}, {})
