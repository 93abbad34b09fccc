"""A world for each scenario."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.brokers import TestBroker
from tests.system.alerts.world import World, running_world


@pytest.fixture
async def world(mosquitto_broker: TestBroker, migrated_timescale_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """Everything runs, over Mosquitto and TimescaleDB; nothing is connected yet, and there is no rule."""
    async with running_world(tmp_path, migrated_timescale_url, mosquitto_broker) as world:
        yield world
