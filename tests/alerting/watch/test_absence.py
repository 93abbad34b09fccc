"""Who is silent: by server time less ingest's lag, and never for an outage of ours."""

import pytest

from siloscope_alerting.watch.absence import ExpectedGroup, NodeSight, judge, lag_ms, limit_ms
from siloscope_process.clock import from_ms
from siloscope_store.ingest_presence import WorkerPresence

NOW_MS = 10_000_000
HERE = WorkerPresence("main", from_ms(NOW_MS), True, 0.0)
DEAF = WorkerPresence("main", from_ms(NOW_MS), False, 0.0)
GONE = WorkerPresence("main", from_ms(NOW_MS - 15_001), True, 0.0)


def node(
    node_id: int = 1, site_id: int = 1, *, heard_s: float | None, groups_s: list[float], every_s: float = 10
) -> NodeSight:
    """Return a node that was heard of, and whose groups got samples, so many seconds ago."""
    limit = limit_ms(every_s)
    groups = [ExpectedGroup(NOW_MS - round(ago_s * 1000), limit) for ago_s in groups_s]
    return NodeSight(node_id, site_id, None if heard_s is None else NOW_MS - round(heard_s * 1000), groups)


@pytest.mark.parametrize(
    ("sight", "silent"),
    [
        pytest.param(node(heard_s=121, groups_s=[121, 130]), True, id="nothing for two minutes"),
        pytest.param(node(heard_s=119, groups_s=[121, 130]), False, id="a heartbeat came"),
        pytest.param(node(heard_s=121, groups_s=[119, 130]), False, id="a group got samples"),
        pytest.param(node(heard_s=121, groups_s=[121], every_s=60), False, id="three of its intervals are not over"),
        pytest.param(node(heard_s=181, groups_s=[181], every_s=60), True, id="three of its intervals are over"),
        pytest.param(node(heard_s=9_999, groups_s=[]), False, id="nothing is expected of it"),
        pytest.param(NodeSight(1, 1, None, [ExpectedGroup(None, 1)]), False, id="it was never heard of"),
    ],
)
def test_a_node_is_silent_when_all_of_it_is_overdue(sight: NodeSight, silent: bool) -> None:
    assert bool(judge([sight], [HERE], NOW_MS).silent_nodes) is silent


def test_since_when_a_node_is_silent_is_when_it_was_heard_last() -> None:
    found = judge([node(heard_s=130, groups_s=[125, 200])], [HERE], NOW_MS)
    assert found.silent_nodes == {1: NOW_MS - 125_000}


def test_a_site_is_silent_when_all_its_expected_nodes_are() -> None:
    silent, lives = node(1, heard_s=200, groups_s=[200]), node(2, heard_s=1, groups_s=[1])
    idle = node(3, heard_s=1, groups_s=[])
    assert not judge([silent, lives], [HERE], NOW_MS).silent_sites
    other = node(2, heard_s=150, groups_s=[150])
    assert judge([silent, other, idle], [HERE], NOW_MS).silent_sites == {1: NOW_MS - 150_000}


@pytest.mark.parametrize("presence", [[], [DEAF], [GONE], [DEAF, GONE]])
def test_while_no_ingest_hears_its_broker_nobody_becomes_silent(presence: list[WorkerPresence]) -> None:
    found = judge([node(heard_s=999, groups_s=[999])], presence, NOW_MS)
    assert found.platform_down
    assert not found.silent_nodes


def test_one_worker_that_hears_its_broker_is_enough() -> None:
    assert not judge([], [DEAF, HERE], NOW_MS).platform_down


def test_after_an_outage_of_ours_silence_counts_from_its_end() -> None:
    sight = node(heard_s=999, groups_s=[999])
    assert not judge([sight], [HERE], NOW_MS, up_since_ms=NOW_MS - 119_000).silent_nodes
    assert judge([sight], [HERE], NOW_MS, up_since_ms=NOW_MS - 121_000).silent_nodes


def test_who_is_known_to_be_silent_stays_so_until_something_new_is_heard() -> None:
    sight = node(heard_s=999, groups_s=[999])
    known = {1: NOW_MS - 999_000}
    assert judge([sight], [GONE], NOW_MS, up_since_ms=NOW_MS, known=known).silent_nodes == known
    back = node(heard_s=1, groups_s=[999])
    assert not judge([back], [HERE], NOW_MS, known=known).silent_nodes


def test_what_ingest_has_not_committed_is_not_absent() -> None:
    slow = WorkerPresence("main", from_ms(NOW_MS), True, 30.0)
    sight = node(heard_s=140, groups_s=[140])
    assert lag_ms([slow, HERE], NOW_MS) == 30_000
    found = judge([sight], [slow], NOW_MS)
    assert found.absent_to_ms == NOW_MS - 30_000
    assert not found.silent_nodes


def test_the_lag_of_a_worker_that_is_gone_counts_no_more() -> None:
    gone = WorkerPresence("old", from_ms(NOW_MS - 60_000), True, 3_600.0)
    assert lag_ms([gone, HERE], NOW_MS) == 0
