"""A farm that is rolled up."""

from typing import Any

import pytest
from psycopg import AsyncConnection

from tests.store.farm import Farm
from tests.store.rollups.world import World


@pytest.fixture
async def world(connection: AsyncConnection[Any], farm: Farm) -> World:
    """A farm in Chicago, nothing rolled up yet."""
    world = World(farm, connection)
    await world.prepare()
    return world
