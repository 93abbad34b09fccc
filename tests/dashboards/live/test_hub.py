"""The hub: who hears what, and who is dropped."""

import asyncio

import pytest

from siloscope_dashboards.live.hub import Audience, Ending, Frame, Hub

HERE = Audience(org_id=1, site_id=10, place_id=100)


def frames(*texts: bytes, where: Audience = HERE) -> list[Frame]:
    return [Frame(where, text) for text in texts]


@pytest.mark.parametrize(
    ("audience", "hears"),
    [
        (Audience(2), False),
        (Audience(2, 10, 100), False),
        (Audience(1, 11), False),
        (Audience(1, 10, 101), False),
        (Audience(1, None, 101), False),
        (Audience(1), True),
        (Audience(1, 10), True),
        (Audience(1, None, 100), True),
        (Audience(1, 10, 100), True),
    ],
)
async def test_a_page_hears_its_own_organisation_and_what_it_asked_for(audience: Audience, hears: bool) -> None:
    hub = Hub()
    with hub.subscription(audience) as subscription:
        hub.publish(frames(b"a"))
        hub.close()
        assert (await subscription.take() == b"a") is (hears and subscription.ending is None)
        assert audience.hears(HERE) is hears


async def test_what_waits_is_taken_at_once_and_in_order() -> None:
    hub = Hub()
    with hub.subscription(HERE) as subscription:
        hub.publish(frames(b"a", b"b"))
        hub.publish(frames(b"c"))
        assert await subscription.take() == b"abc"


async def test_a_page_that_does_not_keep_up_is_dropped_and_the_others_are_not() -> None:
    hub = Hub(queue_length=2)
    with hub.subscription(HERE) as slow, hub.subscription(HERE) as quick:
        hub.publish(frames(b"a", b"b"))
        await quick.take()
        hub.publish(frames(b"c"))
        assert slow.ending is Ending.TOO_SLOW
        assert await slow.take() == b""
        assert quick.ending is None
        assert await quick.take() == b"c"


async def test_closing_ends_every_stream_at_once_also_one_that_comes_later() -> None:
    hub = Hub()
    with hub.subscription(HERE) as early:
        waiting = asyncio.ensure_future(early.take())
        await asyncio.sleep(0)
        hub.close()
        assert await waiting == b""
        assert early.ending is Ending.STOPPING
    with hub.subscription(HERE) as late:
        assert late.ending is Ending.STOPPING


async def test_a_comment_is_sent_only_where_nothing_waits() -> None:
    with Hub().subscription(HERE) as subscription:
        subscription.remark(b":\n\n")
        subscription.remark(b":\n\n")
        assert await subscription.take() == b":\n\n"


async def test_who_has_left_is_forgotten() -> None:
    hub = Hub()
    with hub.subscription(HERE):
        assert hub.organisations == {1}
    assert hub.organisations == set()
