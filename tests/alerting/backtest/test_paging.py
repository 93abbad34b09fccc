"""Whom a backtest would have paged: causes and routes are those of the service."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from siloscope_alerting.backtest.paging import Paging, Ways
from siloscope_alerting.backtest.replay import replay
from siloscope_alerting.backtest.report import Paged
from siloscope_alerting.backtest.series import SeriesChannel, SeriesSet, read_series
from siloscope_alerting.columns import BoundRule
from siloscope_alerting.engine.evaluation import Engine
from siloscope_alerting.notify.routing import BoundRoute
from siloscope_contract.alerts.conditions import Threshold
from siloscope_contract.alerts.routes import Route, Step
from siloscope_contract.alerts.rules import Hours, Rule
from siloscope_contract.alerts.selectors import Matcher, Selector
from siloscope_contract.alerts.words import Severity

HOT = Rule(rule="hot", name="Hot", condition=Threshold(above=30.0, clear=28.0), hold="10m", clear_hold="10m")
TO_OFFICE = Route(route="day", steps=(Step(channels=("office",)),))
BIN = SeriesChannel(place="bin-7", place_kind="bin")
Values = Callable[[int], float]


def hot_from_hour_one_to_four(minute: int) -> float:
    return 32.0 if 60 <= minute < 240 else 25.0


@pytest.fixture
def series(tmp_path: Path) -> Callable[..., SeriesSet]:
    """Makes a series of eight hours, a reading a minute, of one function a channel."""

    def make(*values: Values, what: SeriesChannel = BIN) -> SeriesSet:
        names = [f"t{number}" for number in range(1, len(values) + 1)]
        lines = [",".join(["time", *names])]
        for minute in range(480):
            told = [f"{each(minute):g}" for each in values]
            lines.append(",".join([f"2026-01-05T{minute // 60:02}:{minute % 60:02}:00Z", *told]))
        file = tmp_path / "series.csv"
        file.write_text("\n".join(lines), "utf-8")
        return read_series(file, {}, what)

    return make


async def paged(found: SeriesSet, *routes: Route, rule: Rule = HOT) -> tuple[int, Sequence[Paged]]:
    """Return how many incidents there were, and whom they were told to."""
    slugs = sorted({channel for route in routes for step in route.steps for channel in step.channels})
    ways = Ways(
        [BoundRoute(number, 1, route) for number, route in enumerate(routes, start=1)],
        {(1, slug): number for number, slug in enumerate(slugs, start=1)},
    )
    rules = [BoundRule(1, 1, 1, rule)]
    paging = Paging(rules, found.catalogue, ways)
    await replay(Engine(), rules, found.catalogue, found, *found.span_ms, follow=paging.follow)
    told = paging.paged(found.span_ms[1])
    return paging.incidents, told


async def test_without_a_route_nobody_is_paged(series: Callable[..., SeriesSet]) -> None:
    assert await paged(series(hot_from_hour_one_to_four)) == (1, [])


async def test_what_never_fires_pages_nobody(series: Callable[..., SeriesSet]) -> None:
    assert await paged(series(lambda _minute: 25.0), TO_OFFICE) == (0, [])


@pytest.mark.parametrize(
    "match",
    [
        Matcher(severities=(Severity.CRITICAL,)),
        Matcher(select=Selector(place_kinds=("mast",))),
        Matcher(rules=("cold",)),
    ],
)
async def test_a_route_that_means_others_is_not_asked(series: Callable[..., SeriesSet], match: Matcher) -> None:
    route = Route(route="others", match=match, steps=TO_OFFICE.steps)
    assert await paged(series(hot_from_hour_one_to_four), route) == (1, [])


async def test_an_episode_is_told_when_it_fires_and_when_it_is_over(series: Callable[..., SeriesSet]) -> None:
    route = Route(route="bins", match=Matcher(select=Selector(place_kinds=("bin",))), steps=TO_OFFICE.steps)
    incidents, told = await paged(series(hot_from_hour_one_to_four), route)
    assert incidents == 1
    assert told == [Paged("bins", "office", "firing", 1), Paged("bins", "office", "resolved", 1)]


async def test_channels_of_one_place_are_one_incident(series: Callable[..., SeriesSet]) -> None:
    incidents, told = await paged(series(*[hot_from_hour_one_to_four] * 5), TO_OFFICE)
    assert incidents == 1
    assert [each.messages for each in told if each.kind in ("firing", "resolved")] == [1, 1]


async def test_nobody_acknowledges_so_ladders_are_climbed_and_messages_repeated(
    series: Callable[..., SeriesSet],
) -> None:
    steps = (Step(channels=("office",)), Step(after="1h", channels=("boss",)), Step(after="1d", channels=("owner",)))
    _, told = await paged(series(hot_from_hour_one_to_four), Route(route="all", steps=steps, repeat="1h"))
    counts = {(each.channel, each.kind): each.messages for each in told}
    assert counts[("boss", "escalated")] == 1
    assert counts[("office", "repeated")] == 3, "it fired from 01:10 to 04:10"
    assert not [each for each in told if each.channel == "owner"]


async def test_within_quiet_hours_a_warning_waits(series: Callable[..., SeriesSet]) -> None:
    quiet = Route(route="night", quiet=(Hours(since="22:00", until="06:00"),), steps=TO_OFFICE.steps)
    _, told = await paged(series(hot_from_hour_one_to_four), quiet)
    assert not [each for each in told if each.kind == "firing"]


async def test_a_channel_that_flaps_pages_twice_at_most(series: Callable[..., SeriesSet]) -> None:
    flapping = Rule(rule="hot", name="Hot", condition=Threshold(above=30.0))
    found = series(lambda minute: 32.0 if minute < 300 and minute % 3 == 0 else 25.0)
    incidents, told = await paged(found, TO_OFFICE, rule=flapping)
    assert incidents == 1
    assert sum(each.messages for each in told if each.kind != "resolved") <= 2
