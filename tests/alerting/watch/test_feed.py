"""From changed groups to readings: what is new, what lay between, what is late."""

import numpy as np
import pytest

from siloscope_alerting.columns import Catalogue, ChannelFacts, Readings
from siloscope_alerting.watch.feed import Feed
from siloscope_process.clock import from_ms
from siloscope_store.alert_feed import ChangedGroup
from siloscope_store.alert_history import StoredSample
from siloscope_store.sample_rows import float_array, int2_array, time_array

NOW_MS = 1_700_000_000_000
QUARTER_MS = 900_000
WAITED_MS = 300
LENGTH_BYTES = 4


def channel(group: int, position: int, *, interval_s: float | None = 10, allowance_s: float = 60) -> ChannelFacts:
    return ChannelFacts(
        channel_id=group * 10 + position, group_id=group, position=position, org_id=1, site_id=1, node_id=group,
        device_id=group, place_id=None, site="yard", node="pi", device="d", key=f"t{position}", place=None,
        place_kind=None, spot=None, cable=None, level=None, quantity="temperature", unit="Cel", tags={},
        interval_s=interval_s, allowance_s=allowance_s, vitals=False, time_zone="Etc/UTC", title="t",
    )  # fmt: skip


CATALOGUE = Catalogue([channel(1, 0), channel(1, 1), channel(2, 0, allowance_s=7_200), channel(3, 0, interval_s=None)])


def changed(
    group: int, *ago_s: float | None, values: list[float | None] | None = None, quality: list[int | None] | None = None,
    changes: int = 1,
) -> ChangedGroup:  # fmt: skip
    times = [None if each is None else NOW_MS - round(each * 1000) for each in ago_s]
    told = values or [None if each is None else 20.0 for each in ago_s]
    return ChangedGroup(
        group,
        time_array(times)[LENGTH_BYTES:],
        float_array(told)[LENGTH_BYTES:],
        None if quality is None else int2_array(quality)[LENGTH_BYTES:],
        NOW_MS,
        changes,
    )


def take(
    feed: Feed, *groups: ChangedGroup, waited_ms: int | None = WAITED_MS
) -> tuple[Readings, dict[int, tuple[int, int]]]:
    came, spans = feed.take(feed.newest(groups), waited_ms)
    return feed.told(came, waited_ms), dict(spans)


def sample(group: int, ago_s: float, *values: float | None) -> StoredSample:
    return StoredSample(group, NOW_MS - round(ago_s * 1000), float_array(values)[LENGTH_BYTES:], None)


def ago_s(readings: Readings, row: int) -> list[float]:
    return [(NOW_MS - int(each)) / 1000 for each in readings.time_ms[readings.row == row]]


def test_what_changed_is_told_once() -> None:
    feed = Feed(CATALOGUE)
    readings, _ = take(feed, changed(1, 5, 5))
    assert readings.row.tolist() == [0, 1]
    assert readings.time_ms.tolist() == [NOW_MS - 5_000] * 2
    again, _ = take(feed, changed(1, 5, 5))
    assert again.row.size == 0


def test_of_a_changed_group_only_what_is_newer_is_told() -> None:
    feed = Feed(CATALOGUE)
    take(feed, changed(1, 5, 5))
    readings, _ = take(feed, changed(1, 5, 1, values=[20.0, 21.0]))
    assert (readings.row.tolist(), readings.value.tolist()) == ([1], [21.0])


def test_a_failed_reading_is_told_as_such_and_one_that_never_came_not_at_all() -> None:
    readings, _ = take(Feed(CATALOGUE), changed(1, 5, None, values=[None, None], quality=[201, None]))
    assert readings.row.tolist() == [0]
    assert np.isnan(readings.value[0])
    assert readings.quality.tolist() == [201]


@pytest.mark.parametrize(
    ("group", "ago_s", "told", "late"),
    [
        pytest.param(1, 60, [0], [False], id="within the allowance"),
        pytest.param(1, 61, [], [], id="late: its mark brings it"),
        pytest.param(2, 7_000, [2], [False], id="an hourly uploader is not late by nature"),
    ],
)
def test_late_is_what_came_after_the_allowance(group: int, ago_s: float, told: list[int], late: list[bool]) -> None:
    readings, _ = take(Feed(CATALOGUE), changed(group, ago_s))
    assert (readings.row.tolist(), readings.late.tolist()) == (told, late)


def test_what_is_late_by_a_short_allowance_and_has_no_mark_is_told_as_late() -> None:
    feed = Feed(Catalogue([channel(1, 0, allowance_s=20)]))
    readings, _ = take(feed, changed(1, 30))
    assert readings.late.tolist() == [True]


def test_behind_one_that_came_alone_nothing_is_looked_for() -> None:
    feed = Feed(CATALOGUE)
    take(feed, changed(1, 15, 15))
    assert take(feed, changed(1, 1, 1, changes=2))[1] == {}


@pytest.mark.parametrize(
    ("ago_s", "changes"),
    [
        pytest.param(1, 3, id="two came, a newer one is told"),
        pytest.param(15, 2, id="one came that is no newer: it was overtaken"),
        pytest.param(1, 1, id="a worker of the version before did not count it"),
    ],
)
def test_where_more_came_than_the_newest_it_is_looked_for(ago_s: float, changes: int) -> None:
    feed = Feed(CATALOGUE)
    take(feed, changed(1, 15, 15))
    _, spans = take(feed, changed(1, ago_s, ago_s, changes=changes))
    assert spans == {1: (NOW_MS - 60_000 - WAITED_MS, NOW_MS - round(ago_s * 1000))}


def test_of_a_group_that_nobody_looked_at_before_everything_is_looked_for() -> None:
    assert list(take(Feed(CATALOGUE), changed(1, 1, 1))[1]) == [1]


def test_at_the_very_first_look_what_is_not_the_newest_is_history() -> None:
    assert take(Feed(CATALOGUE), changed(1, 1, 1), waited_ms=None)[1] == {}


def test_what_came_while_nobody_looked_is_looked_for_but_not_for_ever() -> None:
    _, spans = take(Feed(CATALOGUE), changed(1, 1, 1), changed(2, 1), changed(3, 1), waited_ms=86_400_000)
    catches_up_ms = {1: 60_000 + 1_000_000, 2: 7_200_000 + 1_000_000, 3: 60_000 + 600_000}
    assert spans == {group: (NOW_MS - back_ms, NOW_MS - 1_000) for group, back_ms in catches_up_ms.items()}


def test_what_was_read_of_the_samples_is_told_but_for_the_newest_and_the_one_before() -> None:
    feed = Feed(CATALOGUE)
    take(feed, changed(1, 15, 15))
    newest, _ = feed.take(feed.newest([changed(1, 1, 1, changes=3)]), WAITED_MS)
    came = [sample(1, 15, 20.0, 20.0), sample(1, 4, 31.0, None), sample(1, 1, 20.0, 20.0), sample(7, 3, 1.0)]
    readings = feed.told(newest.with_these(feed.between(came)))
    assert (ago_s(readings, 0), ago_s(readings, 1)) == ([4, 1], [1])
    assert readings.value[readings.row == 0].tolist() == [31.0, 20.0]
    assert not readings.late.any()


@pytest.mark.parametrize(
    ("ago_s", "marked_ago_s", "told"),
    [
        pytest.param(60.2, None, False, id="in time to ingest, which was slow"),
        pytest.param(60.2, 0.1, None, id="late to ingest: its mark brings it"),
        pytest.param(60.2, 0.25, False, id="what came late of that quarter came before"),
        pytest.param(61, None, None, id="late"),
    ],
)
def test_late_by_the_time_between_two_looks_is_what_ingest_says(
    ago_s: float, marked_ago_s: float | None, told: bool | None
) -> None:
    feed = Feed(CATALOGUE)
    came, _ = feed.take(feed.newest([changed(1, ago_s)]), WAITED_MS)
    quarter = from_ms((NOW_MS - round(ago_s * 1000)) // QUARTER_MS * QUARTER_MS)
    marked = {} if marked_ago_s is None else {(1, quarter): from_ms(NOW_MS - round(marked_ago_s * 1000))}
    assert feed.doubtful(came, WAITED_MS) == ([1] if ago_s < 61 else [])
    assert feed.told(came, WAITED_MS, marked).late.tolist() == ([] if told is None else [told])


def test_late_samples_are_told_as_late_and_those_in_time_left_out() -> None:
    came = [sample(1, each, 25.0, 25.0) for each in (3_600, 61, 59)]
    readings = Feed(CATALOGUE).late(came, {1: NOW_MS})
    assert readings.late.all()
    assert (ago_s(readings, 0), ago_s(readings, 1)) == ([3_600, 61], [3_600, 61])


def test_channels_that_the_catalogue_lacks_are_noticed_once() -> None:
    feed = Feed(CATALOGUE)
    assert feed.newest([changed(9, 1)]).strange
    feed.ignore_strange()
    assert not feed.newest([changed(9, 1)]).strange
    assert feed.newest([changed(8, 1)]).strange


def test_a_new_catalogue_forgets_nothing_that_was_told() -> None:
    feed = Feed(CATALOGUE)
    take(feed, changed(1, 5, 5))
    wider = Feed(Catalogue([channel(0, 0), *CATALOGUE.channels]), feed)
    readings, spans = take(wider, changed(0, 5), changed(1, 5, 5), changed(2, 5, changes=2))
    assert readings.row.tolist() == [0, 3]
    assert list(spans) == [0, 1, 2]
    readings, spans = take(wider, changed(1, 1, 1, changes=2))
    assert (readings.row.tolist(), spans) == ([1, 2], {})


def test_of_what_no_rule_looks_at_nothing_is_told_until_one_does() -> None:
    feed = Feed(CATALOGUE)
    take(feed, changed(1, 50, 50), changed(2, 50))
    feed.heed(np.array([False, False, True, True]))
    readings, spans = take(feed, changed(1, 40, 40, changes=2), changed(2, 40, changes=2), changed(9, 1))
    assert (readings.row.tolist(), spans) == ([2], {})
    assert feed.arrived_ms[1] == NOW_MS
    readings, spans = take(feed, changed(1, 1, 1, changes=9), changed(2, 1, changes=9))
    assert (readings.row.tolist(), list(spans)) == ([2], [2])
    feed.heed(np.ones(4, np.bool_))
    readings, spans = take(feed, changed(1, 0, 0, changes=10))
    assert (readings.row.tolist(), list(spans)) == ([0, 1], [1])


def test_without_channels_there_is_nothing_to_tell() -> None:
    feed = Feed(Catalogue([]))
    feed.heed(np.zeros(0, np.bool_))
    assert take(feed)[0].row.size == 0
    assert feed.between([sample(1, 1, 20.0)]).row.size == 0
