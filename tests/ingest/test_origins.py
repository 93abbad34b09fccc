"""Which pack brought what another one contradicts, as long as it is remembered."""

from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.entries import Entry
from siloscope_ingest.origins import RecentBatches
from siloscope_store.samples import UNKNOWN_ORIGIN, Difference, Origin
from tests.ingest.test_batches import BASE_MS, Nobody, batch, entry

EPOCH, OTHER = "e" * 32, "f" * 32
SIZE_BYTES = len(b"payload")


def test_both_packs_are_named_even_where_one_sample_came_in_parts() -> None:
    recent, earlier, now = RecentBatches(), batch(), batch()
    earlier.add(entry((1, 0, {0: 1.0}), seq=1))
    earlier.add(entry((1, 0, {1: 2.0}), seq=2))
    recent.add(earlier)
    now.add(entry((1, 0, {0: 1.0}), seq=3, epoch=OTHER))
    now.add(entry((1, 0, {1: 2.5}), seq=4, epoch=OTHER))
    (found,) = recent.conflicts([Difference(1, BASE_MS, 1, 2.0, 0, 2.5, 0)], now)
    assert (found.kept, found.other) == (Origin(EPOCH, 2), Origin(OTHER, 4))


def test_a_pack_whose_own_value_was_not_kept_is_never_named_as_the_one_that_was() -> None:
    recent, lost, now = RecentBatches(), batch(), batch()
    lost.add(entry((1, 0, {0: 2.0}), seq=2))
    recent.add(lost)
    now.add(entry((1, 0, {0: 3.0}), seq=3))
    (found,) = recent.conflicts([Difference(1, BASE_MS, 0, 1.0, 0, 3.0, 0)], now)
    assert (found.kept, found.other) == (UNKNOWN_ORIGIN, Origin(EPOCH, 3))


def test_what_is_remembered_is_bounded() -> None:
    recent, now = RecentBatches(2 * SIZE_BYTES), batch()
    for seq in range(1, 4):
        earlier = batch()
        earlier.add(entry((1, seq, {0: 1.0}), seq=seq))
        recent.add(earlier)
    differences = [Difference(1, BASE_MS + seq * 1000, 0, 1.0, 0, 2.0, 0) for seq in range(1, 4)]
    found = recent.conflicts(differences, now)
    assert [each.kept.seq for each in found] == [None, 2, 3]


def test_messages_of_a_few_bytes_are_bounded_by_their_number() -> None:
    recent, now = RecentBatches(most_entries=2), batch()
    for seq in range(1, 4):
        earlier = batch()
        earlier.add(entry((1, seq, {0: 1.0}), seq=seq))
        recent.add(earlier)
    differences = [Difference(1, BASE_MS + seq * 1000, 0, 1.0, 0, 2.0, 0) for seq in range(1, 4)]
    assert [each.kept.seq for each in recent.conflicts(differences, now)] == [None, 2, 3]


def test_what_brings_no_samples_is_not_remembered() -> None:
    """A flood of refused messages without a byte must not fill the memory."""
    recent = RecentBatches()
    refused, mixed = batch(), batch()
    for seq in range(1, 50):
        refused.add(Entry(Delivery("topic", b"", BASE_MS, seq, Nobody()), is_exception=True))
        mixed.add(Entry(Delivery("topic", b"", BASE_MS, seq, Nobody()), is_exception=True))
    mixed.add(entry((1, 0, {0: 1.0}), seq=1))
    recent.add(refused)
    recent.add(mixed)
    assert recent.remembered == 1
