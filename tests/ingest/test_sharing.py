"""A worker that shares its samples with others needs MQTT 5, and asks for it however often it is cut off."""

import pytest

from siloscope_ingest.doors import Doors
from siloscope_ingest.errors import Transient
from siloscope_ingest.settings import IngestSettings
from siloscope_process import broker_url
from siloscope_process.clock import SystemClock
from tests.ingest.fake_broker import fake_broker


async def test_a_cut_before_the_first_answer_is_no_reason_to_ask_for_less() -> None:
    async with fake_broker("close") as broker:
        settings = IngestSettings(database_url="", mqtt_url=broker.url, ingest_shared_group="all")
        doors = Doors(settings, [broker_url.parse(broker.url, None)], SystemClock(), print, print)
        for _ in range(2):
            with pytest.raises(Transient, match="closed the connection"):
                await doors.link._dial()
        assert broker.attempts == [5, 5]
