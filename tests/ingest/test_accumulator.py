"""What waits for a commit comes out whole and in order, however much of it is prepared ahead."""

from hypothesis import given
from hypothesis import strategies as st

from siloscope_ingest.accumulator import MANY, Accumulator, CommittedState
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
