"""The feed: one look for everybody."""

import asyncio

from siloscope_dashboards.live.feed import Feed
from siloscope_dashboards.live.hub import Audience
from tests.dashboards.account_fakes import OURS, THEIRS
from tests.dashboards.fakes import Parts


def feed_of(fakes: Parts) -> Feed:
    return Feed(fakes.changes, fakes.wiring.hub, fakes.clock, fakes.wiring.metrics)


async def test_it_looks_once_a_second_however_many_listen(fakes: Parts) -> None:
    running = asyncio.ensure_future(feed_of(fakes).run())
    with fakes.wiring.hub.subscription(Audience(OURS)), fakes.wiring.hub.subscription(Audience(THEIRS)):
        await fakes.clock.run_for(10)
    running.cancel()
    assert fakes.changes.looks == 11


async def test_a_page_that_comes_between_two_looks_misses_nothing(fakes: Parts) -> None:
    feed = feed_of(fakes)
    await feed.look()
    with fakes.wiring.hub.subscription(Audience(OURS)) as page:
        fakes.changes.make(OURS, 12.5)
        await feed.look()
        assert b'"value":12.5' in await page.take()


async def test_a_neighbour_in_the_same_sample_is_not_told_again(fakes: Parts) -> None:
    feed = feed_of(fakes)
    await feed.look()
    with fakes.wiring.hub.subscription(Audience(OURS)) as page:
        fakes.changes.make(OURS, 12.5)
        await feed.look()
        await page.take()
        fakes.changes.made.append(fakes.changes.made[-1])
        await feed.look()
        page.remark(b":")
        assert await page.take() == b":"


async def test_while_the_database_is_away_it_looks_less_often_and_then_goes_on_where_it_was(
    fakes: Parts, records: list[dict[str, object]]
) -> None:
    running = asyncio.ensure_future(feed_of(fakes).run())
    await fakes.clock.settle()
    with fakes.wiring.hub.subscription(Audience(OURS)) as page:
        fakes.changes.away = "127.0.0.1:5432 does not answer"
        await fakes.clock.run_for(60)
        assert fakes.changes.looks < 10
        fakes.changes.make(OURS, 12.5)
        fakes.changes.away = None
        await fakes.clock.run_for(60)
        assert b'"value":12.5' in await page.take()
    running.cancel()
    assert [record["event"] for record in records] == ["live_feed_interrupted", "live_feed_resumed"]
