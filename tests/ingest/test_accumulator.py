"""What waits for a commit comes out whole and in order, however much of it is prepared ahead."""

from hypothesis import given
from hypothesis import strategies as st

from siloscope_ingest.accumulator import ARRIVED_WITHIN_MS, MANY, Accumulator, CommittedState
from siloscope_ingest.batches import Batch
from siloscope_ingest.entries import Entry
from siloscope_store.sample_rows import decode
from tests.ingest.test_batches import BASE_MS, TABLE, entry

MOST = 2 * MANY
STEPS = st.one_of(
    st.tuples(st.just("add"), st.integers(1, MANY)), st.tuples(st.sampled_from(["prepare", "take"]), st.just(0))
)


def numbers(accumulator: Accumulator) -> list[int]:
    """The oldest batch's numbers, as its rows and as its ledger have them."""
    batch = accumulator.take()
    came = [each.seq for each in batch.entries if each.seq is not None]
    written = [(decode(row).time_ms - BASE_MS) // 1000 for row in batch.sealed().rows[TABLE]]
    assert sorted(written) == came
    assert [number for ranges in batch.accounted().values() for range_ in ranges for number in range(*range_)] == came
    return came


@given(st.lists(STEPS, max_size=6))
def test_all_comes_out_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    accumulator = Accumulator(CommittedState({2_900 * 2}), MOST, 1_000_000)
    added = 0
    found: list[int] = []
    for step, count in steps:
        if step == "prepare":
            accumulator.prepare()
        elif step == "take":
            found += numbers(accumulator)
        for _ in range(count):
            added += 1
            accumulator.add(entry((1, added, {0: 1.0, 1: 1.0, 2: 1.0}), seq=added))
    while accumulator.waiting:
        found += numbers(accumulator)
    assert found == list(range(1, added + 1))


def at(seq: int, arrived_ms: int) -> Entry:
    made = entry((1, seq, {0: 1.0}), seq=seq)
    made.delivery.received_ms = BASE_MS + arrived_ms
    return made


def arrived(batch: Batch) -> list[int]:
    return [each.delivery.received_ms - BASE_MS for each in batch.entries]


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 4_000, 5_000, 60_000, 3_600_000]), st.sampled_from([1, 3, MANY]), st.booleans()),
        max_size=8,
    )
)
def test_a_batch_holds_what_arrived_about_one_time_and_each_time_keeps_its_order(
    steps: list[tuple[int, int, bool]],
) -> None:
    accumulator = Accumulator(CommittedState({2_900 * 2}), MOST, 1_000_000)
    seq = 0
    taken: list[Batch] = []
    for arrived_ms, count, prepares in steps:
        for _ in range(count):
            seq += 1
            accumulator.add(at(seq, arrived_ms))
        if prepares:
            accumulator.prepare()
    while accumulator.waiting:
        taken.append(accumulator.take())
    assert all(max(arrived(each)) - min(arrived(each)) < ARRIVED_WITHIN_MS for each in taken)
    came = [(each.delivery.received_ms, each.seq) for batch in taken for each in batch.entries]
    assert sorted(number or 0 for _, number in came) == list(range(1, seq + 1))
    for time_ms in {time_ms for time_ms, _ in came}:
        of_time = [number or 0 for found_ms, number in came if found_ms == time_ms]
        assert of_time == sorted(of_time)


def test_what_waited_long_between_what_comes_now_takes_three_commits_not_a_thousand() -> None:
    accumulator = Accumulator(CommittedState({2_900 * 2}), MOST, 1_000_000)
    for number in range(MANY // 2):
        accumulator.add(at(2 * number + 1, 60_000))
        accumulator.add(at(2 * number + 2, 1_000))
    assert [set(arrived(accumulator.take())) for _ in range(3)] == [{60_000}, {1_000}, {60_000}]
    assert not accumulator.waiting


@given(st.lists(st.sampled_from(["first", "second", "take"]), max_size=40))
def test_what_is_added_in_the_order_in_which_it_arrived_is_committed_in_that_order(steps: list[str]) -> None:
    """Of two nodes of which one waits longer: alerting takes a reading that a newer one overtook for late."""
    accumulator = Accumulator(CommittedState({2_900 * 2}), MOST, 1_000_000)
    next_seq = {"first": 0, "second": 1}
    taken: list[int] = []
    for step in steps:
        if step == "take":
            taken += [each.seq or 0 for each in accumulator.take().entries]
            continue
        accumulator.add(at(next_seq[step], 1_500 * next_seq[step]))
        next_seq[step] += 2
    while accumulator.waiting:
        taken += [each.seq or 0 for each in accumulator.take().entries]
    for odd in (0, 1):
        of_node = [seq for seq in taken if seq % 2 == odd]
        assert of_node == sorted(of_node)


def test_a_few_go_on_waiting_for_company() -> None:
    accumulator = Accumulator(CommittedState({2_900 * 2}), MOST, 1_000_000)
    for seq in range(1, MANY):
        accumulator.add(entry((1, seq, {0: 1.0}), seq=seq))
    accumulator.prepare()
    accumulator.add(entry((1, MANY, {0: 1.0}), seq=MANY))
    assert len(accumulator.take()) == MANY
    for seq in range(MANY + 1, 2 * MANY + 1):
        accumulator.add(entry((1, seq, {0: 1.0}), seq=seq))
    accumulator.prepare()
    accumulator.add(entry((1, 2 * MANY + 1, {0: 1.0}), seq=2 * MANY + 1))
    assert [len(accumulator.take()), len(accumulator.take())] == [MANY, 1]
