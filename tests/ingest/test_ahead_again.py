"""A sample that came while its clock was ahead, and again in time, in one batch: the second makes it the newest."""

import pytest

from siloscope_process.clock import SystemClock, from_ms
from tests.ingest.conftest import Farm
from tests.ingest.messages import pack
from tests.ingest.unplugged import Unplugged, unplugged

pytestmark = pytest.mark.postgres


def this_minute_ms() -> int:
    return SystemClock().now_ms() // 60_000 * 60_000


async def known(worker: Unplugged, at_ms: int) -> None:
    """Have the node, its two channels and the week known, so that what comes next at once is one batch."""
    worker.send(pack(1, at_ms - 5_000, 20.0, 5.0), at_ms)
    await worker.settled()


@pytest.mark.parametrize("values", [(21.0, 6.0), (21.0,)], ids=["whole", "part"])
async def test_it_is_the_newest(postgres_farm_url: str, values: tuple[float, ...]) -> None:
    farm, at_ms = Farm(postgres_farm_url), this_minute_ms()
    ahead = pack(2, at_ms + 61_000, *values)
    async with unplugged(postgres_farm_url) as worker:
        await known(worker, at_ms)
        worker.send(ahead, at_ms)
        worker.send(ahead, at_ms + 2_000)
        await worker.settled()
    newest = [from_ms(at_ms + 61_000)] * len(values)
    assert farm.value("SELECT times FROM latest")[: len(values)] == newest
    assert farm.value('SELECT "values" FROM latest')[: len(values)] == list(values)
    assert farm.value("SELECT count(*) FROM sample") == 2


async def test_it_is_not_while_its_clock_is_ahead(postgres_farm_url: str) -> None:
    farm, at_ms = Farm(postgres_farm_url), this_minute_ms()
    async with unplugged(postgres_farm_url) as worker:
        await known(worker, at_ms)
        for _ in range(2):
            worker.send(pack(2, at_ms + 70_000, 21.0, 6.0), at_ms)
        await worker.settled()
    assert farm.value("SELECT times FROM latest") == [from_ms(at_ms - 5_000)] * 2
    assert farm.value("SELECT count(*) FROM sample") == 2
