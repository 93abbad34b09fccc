"""Samples on their way into a file: one canonical form, and one rule for merging."""

from siloscope_store.archive.samples import GroupName, Sample, canonical, merged, readings

HEAD = GroupName("pi", "head", "main")
OTHER = GroupName("pi", "mast", "main")


def sample(time_us: int, *values: float | None, quality: tuple[int | None, ...] | None = None) -> Sample:
    return Sample(HEAD, time_us, values, quality)


def test_a_code_beside_a_value_is_written_out() -> None:
    assert canonical(HEAD, 1, [1.0, None, None], [None, 201, None]).quality == (0, 201, None)


def test_streams_are_merged_in_order_of_group_and_time() -> None:
    one = [sample(1, 1.0), Sample(OTHER, 0, (1.0,), None)]
    two = [sample(0, 1.0), sample(2, 1.0)]
    found = list(merged(iter(one), iter(two)))
    assert [each.key for each in found] == [(HEAD, 0), (HEAD, 1), (HEAD, 2), (OTHER, 0)]


def test_the_first_stream_stays_where_both_know_an_element_and_empty_ones_are_filled() -> None:
    one = sample(1, 1.0, None, None, quality=(0, 201, None))
    two = sample(1, 9.0, 9.0, 3.0, 4.0)
    (found,) = merged(iter([one]), iter([two]))
    assert found == sample(1, 1.0, None, 3.0, 4.0, quality=(0, 201, 0, 0))


def test_plain_samples_stay_plain() -> None:
    (found,) = merged(iter([sample(1, 1.0)]), iter([sample(1, None, 2.0)]))
    assert found == sample(1, 1.0, 2.0)


def test_a_failed_reading_counts_and_a_missing_one_does_not() -> None:
    assert readings(sample(1, 1.0, None, None, quality=(0, 201, None))) == 2
