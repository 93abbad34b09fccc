"""The yard that the tests of the page look at."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.edge.page.watched_yard import WatchedYard


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncIterator[WatchedYard]:
    """A yard with a right clock."""
    made = WatchedYard(tmp_path)
    yield made
    await made.close()
