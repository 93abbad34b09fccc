"""From changed groups to readings: what is new, what lay between, what is late."""

import numpy as np
import pytest

from siloscope_alerting.columns import Catalogue, ChannelFacts, Readings
from siloscope_alerting.watch.feed import Feed, joined
from siloscope_alerting.watch.history import Table
from siloscope_store.alert_feed import ChangedGroup
from siloscope_store.sample_rows import float_array, int2_array, time_array

NOW_MS = 1_700_000_000_000
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
    arrived_ago_s: float = 0,
) -> ChangedGroup:  # fmt: skip
    times = [None if each is None else NOW_MS - round(each * 1000) for each in ago_s]
    told = values or [None if each is None else 20.0 for each in ago_s]
    return ChangedGroup(
        group,
        time_array(times)[LENGTH_BYTES:],
        float_array(told)[LENGTH_BYTES:],
        None if quality is None else int2_array(quality)[LENGTH_BYTES:],
        NOW_MS - round(arrived_ago_s * 1000),
    )


def take(feed: Feed, *groups: ChangedGroup) -> tuple[Readings, dict[int, tuple[int, int]]]:
    readings, spans = feed.take(feed.newest(groups))
    return readings, dict(spans)


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


def test_between_two_readings_that_follow_each_other_nothing_is_looked_for() -> None:
    feed = Feed(CATALOGUE)
    take(feed, changed(1, 15, 15))
    assert take(feed, changed(1, 1, 1))[1] == {}


def test_between_two_readings_further_apart_samples_are_looked_for() -> None:
    feed = Feed(CATALOGUE)
    take(feed, changed(1, 40, 40))
    assert take(feed, changed(1, 1, 1))[1] == {1: (NOW_MS - 40_000 + 1, NOW_MS - 1_000)}


def test_what_would_be_late_is_not_looked_for() -> None:
    feed = Feed(CATALOGUE)
    feed.newest_ms[:] = NOW_MS - 3_600_000
    assert take(feed, changed(1, 1, 1))[1] == {1: (NOW_MS - 60_000 + 1, NOW_MS - 1_000)}


def test_where_no_interval_is_known_samples_are_always_looked_for() -> None:
    feed = Feed(CATALOGUE)
    take(feed, changed(3, 3))
    assert list(take(feed, changed(3, 1))[1]) == [3]


def test_at_the_very_first_look_nothing_lies_between() -> None:
    assert take(Feed(CATALOGUE), changed(1, 1, 1))[1] == {}


def test_after_a_restart_samples_since_the_cursor_are_looked_for() -> None:
    feed = Feed(CATALOGUE, told_to_ms=NOW_MS - 30_000)
    assert take(feed, changed(1, 1, 1))[1] == {1: (NOW_MS - 30_000 + 1, NOW_MS - 1_000)}


def table(*ago_s: float) -> Table:
    times = np.array(sorted(NOW_MS - round(each * 1000) for each in ago_s), np.int64)
    return Table(times, np.full((len(ago_s), 2), 25.0), np.zeros((len(ago_s), 2), np.int16))


def test_a_hole_is_looked_at_again_until_what_fills_it_would_be_late() -> None:
    feed, span = Feed(CATALOGUE), (NOW_MS - 40_000, NOW_MS)
    found = feed.between(1, table(30), span, NOW_MS)
    assert found.time_ms.tolist() == [NOW_MS - 30_000] * 2
    assert feed.due_holes(NOW_MS, [1, 2]) == {1: span}
    filled = feed.between(1, table(30, 20, 10), span, NOW_MS)
    assert sorted(set(filled.time_ms.tolist())) == [NOW_MS - 20_000, NOW_MS - 10_000]  # the first was told
    assert feed.due_holes(NOW_MS, [1]) == {}
    feed.between(1, table(30), span, NOW_MS)
    assert feed.due_holes(NOW_MS + 60_001, [1]) == {}


def test_late_samples_are_told_as_late_and_those_in_time_left_out() -> None:
    readings = Feed(CATALOGUE).of_table(1, table(3_600, 61, 59), NOW_MS)
    assert readings.late.all()
    assert sorted(set(readings.time_ms.tolist())) == [NOW_MS - 3_600_000, NOW_MS - 61_000]


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
    readings, _ = take(wider, changed(0, 5), changed(1, 5, 5))
    assert readings.row.tolist() == [0]


def test_readings_together_are_in_order_of_channel_and_time() -> None:
    feed = Feed(CATALOGUE)
    found = joined([feed.of_table(1, table(10, 20)), feed.of_table(1, table(30))])
    assert found.row.tolist() == [0, 0, 0, 1, 1, 1]
    assert np.all(np.diff(found.time_ms[:3]) > 0)
    assert joined([]).row.size == 0


def test_of_what_no_rule_looks_at_only_the_newest_is_told() -> None:
    feed = Feed(CATALOGUE)
    feed.watched[:2] = False
    take(feed, changed(1, 40, 40), changed(2, 40))
    readings, spans = take(feed, changed(1, 1, 1), changed(2, 1))
    assert readings.row.tolist() == [0, 1, 2]
    assert list(spans) == [2]
