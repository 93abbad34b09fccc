"""Late marks wait until their node's backlog pauses."""

from siloscope_alerting.watch.backlog import BUCKET_MS, LONGEST_MS, PAUSE_MS, Backlog, spans_of
from siloscope_process.clock import from_ms
from siloscope_store.alert_late import LateMark

NOW_MS = 1_000 * BUCKET_MS
NODES = {1: 10, 2: 10, 3: 30}
SITES = {1: 100, 2: 100, 3: 300}


def mark(group: int, *, ago_ms: int, bucket: int = 0, place: str | None = None) -> LateMark:
    arrived = from_ms(NOW_MS - ago_ms)
    return LateMark(place or f"({group},{bucket},{ago_ms})", group, from_ms(bucket * BUCKET_MS), arrived)


def ready(*marks: LateMark) -> set[int]:
    backlog = Backlog()
    backlog.see(marks, SITES, NOW_MS)
    return {each.group_id for each in backlog.ready(NODES, NOW_MS)}


def test_a_node_whose_backlog_goes_on_is_waited_for() -> None:
    assert ready(mark(1, ago_ms=PAUSE_MS), mark(2, ago_ms=0), mark(3, ago_ms=PAUSE_MS)) == {3}


def test_no_backlog_is_waited_for_longer_than_a_minute() -> None:
    assert ready(mark(1, ago_ms=LONGEST_MS), mark(2, ago_ms=0)) == {1, 2}


def test_marks_of_groups_that_are_no_more_are_taken_at_once() -> None:
    assert ready(mark(99, ago_ms=0)) == {99}


def test_what_is_ready_is_given_once() -> None:
    backlog = Backlog()
    backlog.see([mark(1, ago_ms=PAUSE_MS)], SITES, NOW_MS)
    assert len(backlog.ready(NODES, NOW_MS)) == 1
    assert backlog.ready(NODES, NOW_MS) == []


def test_when_late_data_came_last_is_known_by_site() -> None:
    backlog = Backlog()
    backlog.see([mark(1, ago_ms=5_000), mark(2, ago_ms=3_000), mark(3, ago_ms=60_000)], SITES, NOW_MS)
    assert backlog.marked_ms == {100: NOW_MS - 3_000, 300: NOW_MS}  # what still waits is not over


def test_buckets_that_follow_each_other_are_one_span() -> None:
    marks = [
        mark(1, ago_ms=9, bucket=4),
        mark(1, ago_ms=5, bucket=5),
        mark(1, ago_ms=7, bucket=7),
        mark(2, ago_ms=1, bucket=5),
    ]
    assert spans_of(marks) == {
        (1, 4 * BUCKET_MS, 6 * BUCKET_MS): NOW_MS - 5,
        (1, 7 * BUCKET_MS, 8 * BUCKET_MS): NOW_MS - 7,
        (2, 5 * BUCKET_MS, 6 * BUCKET_MS): NOW_MS - 1,
    }
