"""The mirror holds a request's points at a time, however wide and fast a group is."""

import tracemalloc
from typing import Any

import pytest
from psycopg import AsyncConnection

from siloscope_ingest.mirror import job as mirror_job
from siloscope_store import mirror
from siloscope_store.mirror import Sample
from tests.ingest.mirror.fake_influx import FakeInflux
from tests.ingest.mirror.mirrored import Mirror, at, late, settle, take_marks, times
from tests.store.farm import Farm, Group

WIDTH, SAMPLES = 256, 1_000
MOST_BYTES = 40 << 20


class Swallowing:
    """An endpoint that takes everything and keeps nothing."""

    points = 0

    async def write(self, lines: bytes) -> None:
        self.points += lines.count(b"\n") + 1

    def close(self) -> None:
        """Nothing is open."""


async def test_a_page_of_the_widest_group_is_never_held_as_lines(
    one: Mirror, connection: AsyncConnection[Any], farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = farm.group("wide", [(f"t{number}", "temperature", "Cel") for number in range(WIDTH)])
    farm.samples(wide, [(at(second / 10), [second / 7] * WIDTH, None) for second in range(SAMPLES)])
    settle(farm, at(1000))
    endpoint = Swallowing()
    monkeypatch.setattr(one.job, "_endpoint", endpoint)
    tracemalloc.start()
    try:
        await one.run(connection)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert endpoint.points == WIDTH * SAMPLES
    assert most < MOST_BYTES


async def test_an_hour_that_came_late_is_read_page_by_page(
    one: Mirror,
    connection: AsyncConnection[Any],
    influx: FakeInflux,
    farm: Farm,
    head: Group,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirror_job, "SAMPLES_A_PAGE", 7)
    real, pages = mirror.hour, []

    async def noted(*arguments: Any) -> list[Sample]:
        found = await real(*arguments)
        pages.append(len(found))
        return found

    monkeypatch.setattr(mirror, "hour", noted)
    settle(farm, at(3600))
    await one.run(connection)
    late(farm, head, [(at(second), [float(second), None], None) for second in range(28)])
    take_marks(farm)
    await one.run(connection)
    assert times(influx, "t1") == [float(second) for second in range(28)]
    assert max(pages) == 7
