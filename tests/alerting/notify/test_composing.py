"""What a sender is given: words, links that act, a button, the chart."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from siloscope_alerting.notify.composing import MessageComposer
from siloscope_alerting.notify.messages import IncidentMessage, payload_of
from siloscope_alerting.pictures.chart import PictureOrder, draw
from siloscope_alerting.ports import Rendered
from siloscope_contract.alerts.links import pressed, read
from siloscope_store import notify_channels, notify_outbox
from siloscope_store.connections import Pool, borrowed
from tests.alerting.conftest import AlertFarm
from tests.alerting.notify.facts import alert, incident
from tests.alerting.notify.world import World

PUBLIC = "https://farm.example"


class Desk(World):
    """Enqueues one message about the farm's bin and composes it."""

    def __init__(self, world: World, farm: AlertFarm, pool: Pool) -> None:
        super().__init__(world.connection, world.org_id, world.site_id, world.node_id)
        self.farm = farm
        self.pool = pool

    async def compose(self, kind: str = "firing", way: str = "email", **told: Any) -> Rendered:
        channel_id = self.channel("cab", way, ["ada@example.org"])
        facts = incident([alert(channel_id=self.farm.cables[1].channels["t3"])], org_id=self.org_id)
        payload = payload_of(IncidentMessage(at=self.now(), incident=facts))
        self.enqueue(channel_id, kind=kind, payload=told.pop("payload", payload))
        term = self.term()
        async with borrowed(self.pool) as connection:
            (channel,) = await notify_channels.due(connection, term, summarise_after_s=60)
            claimed = await notify_outbox.claim(connection, channel_id, term)
        assert claimed is not None
        composer = MessageComposer(self.pool, told.pop("draw", draw), told.pop("public_url", PUBLIC))
        one, again = [await composer.compose(channel, claimed) for _ in range(2)]
        assert (one.title, one.text, one.links) == (again.title, again.text, again.links), "every attempt says the same"
        return one

    @property
    def key(self) -> bytes:
        return bytes(self.one("SELECT link_key FROM alert_evaluator"))


@pytest.fixture
def desk(world: World, alert_farm: AlertFarm, pool: Pool) -> Desk:
    return Desk(world, alert_farm, pool)


async def test_links_act_on_the_alert_for_a_week_in_the_channels_name(desk: Desk) -> None:
    told = await desk.compose()
    assert list(told.links) == ["acknowledge", "snooze", "open"]
    assert told.links["open"] == f"{PUBLIC}/alerts/5"
    now_s = desk.now().timestamp()
    for deed in ("acknowledge", "snooze"):
        tap = read(desk.key, urlsplit(told.links[deed]).path.removeprefix("/a/"), now_s=now_s)
        assert (tap.alert_id, tap.deed, tap.reader) == (5, deed, "cab")
        assert timedelta(days=6.9).total_seconds() < tap.expires_s - now_s < timedelta(days=7.1).total_seconds()


async def test_what_is_over_asks_for_nothing(desk: Desk) -> None:
    assert list((await desk.compose("resolved")).links) == ["open"]


async def test_without_a_public_address_there_are_no_links(desk: Desk) -> None:
    told = await desk.compose(public_url=None)
    assert told.links == {}


async def test_telegram_has_a_button_that_we_know_again(desk: Desk) -> None:
    told = await desk.compose(way="telegram", public_url=None)
    assert told.button is not None
    assert pressed(desk.key, told.button) == 5
    assert told.labels["acknowledge"] == "I have it"


async def test_the_chart_shows_the_channels_newest_hours(desk: Desk) -> None:
    now = desk.now()
    cable = desk.farm.cables[1]
    for number in range(1, 20):
        desk.farm.samples(cable, [(now - timedelta(minutes=10 * number), [20.0 + number] * 6, None)])
    orders: list[PictureOrder] = []

    def remember(order: PictureOrder) -> bytes:
        orders.append(order)
        return draw(order)

    told = await desk.compose(draw=remember)
    assert told.picture_png is not None
    assert told.picture_png.startswith(b"\x89PNG")
    assert "cid:chart@siloscope" in told.html
    assert len(orders[0].points) == 19
    assert (orders[0].unit, orders[0].level) == ("°C", 30.0)


async def test_a_chart_that_breaks_is_left_out(desk: Desk) -> None:
    desk.farm.samples(desk.farm.cables[1], [(desk.now() - timedelta(minutes=1), [20.0] * 6, None)])

    def broken(_order: PictureOrder) -> bytes:
        raise ZeroDivisionError

    told = await desk.compose(draw=broken)
    assert told.picture_png is None
    assert "Too hot" in told.text


async def test_a_webhook_needs_no_chart(desk: Desk) -> None:
    desk.farm.samples(desk.farm.cables[1], [(desk.now() - timedelta(minutes=1), [20.0] * 6, None)])
    told = await desk.compose(way="webhook")
    assert told.picture_png is None
    assert told.payload["kind"] == "firing"


async def test_a_payload_that_cannot_be_read_is_told_all_the_same(desk: Desk) -> None:
    told = await desk.compose(payload={"nonsense": 1})
    assert told.title == "An alert that could not be put in words"
