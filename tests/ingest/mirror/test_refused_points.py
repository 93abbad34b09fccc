"""What an endpoint refuses: set aside, counted and told, and no hold-up for anything else."""

from typing import Any

import pytest
from psycopg import AsyncConnection

from siloscope_ingest.mirror import job as mirror_job
from siloscope_ingest.mirror.endpoint import EndpointAway
from siloscope_process.clock import to_ms
from tests.ingest.mirror.fake_influx import FakeInflux
from tests.ingest.mirror.mirrored import Mirror, at, driven, settle, times
from tests.store.farm import Farm, Group


async def test_a_point_that_is_refused_is_set_aside_and_blocks_nothing(
    one: Mirror, connection: AsyncConnection[Any], influx: FakeInflux, farm: Farm, head: Group
) -> None:
    farm.samples(head, [(at(second), [float(second), None], None) for second in range(60)])
    settle(farm, at(100))
    influx.refuses = lambda line: "value=13.0" in line or "value=59.0" in line
    await one.run(connection)
    assert times(influx, "t1") == [float(second) for second in range(60) if second not in (13, 59)]
    aside = farm.connection.execute("SELECT line, reason FROM mirror_refused ORDER BY line").fetchall()
    assert [line.split()[1] for line, _ in aside] == ["value=13.0,quality=0i", "value=59.0,quality=0i"]
    assert aside[0][1] == "400: partial write: dropped=1"
    influx.refuses = lambda line: "value=13.0" in line
    again = Mirror(influx.url, again=True)
    await again.run(connection)
    again.endpoint.close()
    assert 59.0 in times(influx, "t1")
    assert farm.connection.execute("SELECT count(*) FROM mirror_refused").fetchone() == (1,)


BEYOND = "partial write: dropped {dropped} points outside retention policy of duration 24h0m0s - oldest point x"
OLD_BEYOND = (
    "unexpected error writing points to database: partial write: points beyond retention policy dropped={dropped}"
)
CLOUD_BEYOND = (
    "dml handler error: data in table temperature is outside of the retention period: minimum acceptable timestamp is x"
)


@pytest.mark.parametrize(
    ("status", "says", "keeps_the_others"),
    [(422, BEYOND, True), (500, OLD_BEYOND, True), (403, CLOUD_BEYOND, False), (400, CLOUD_BEYOND, False)],
)
async def test_points_that_a_bucket_is_too_young_for_are_set_aside_and_hold_up_nothing(
    one: Mirror,
    connection: AsyncConnection[Any],
    influx: FakeInflux,
    farm: Farm,
    head: Group,
    status: int,
    says: str,
    keeps_the_others: bool,
) -> None:
    farm.samples(head, [(at(second), [float(second), -1.0], None) for second in range(200)])
    settle(farm, at(300))
    influx.refuses = lambda line: int(line.rpartition(" ")[2]) < to_ms(at(170))
    influx.partly, influx.says, influx.keeps_the_others = status, says, keeps_the_others
    await one.run(connection)
    assert times(influx, "t1") == times(influx, "t2") == [float(second) for second in range(170, 200)]
    aside = farm.connection.execute("SELECT line, reason FROM mirror_refused").fetchall()
    assert {int(line.rpartition(" ")[2]) for line, _ in aside} == {to_ms(at(second)) for second in range(170)}
    assert len(aside) == 340
    assert all(f"{status}: " in reason and "retention" in reason for _, reason in aside)
    assert one.registry.get_sample_value("siloscope_mirror_refused_total") == 340
    assert len(influx.requests) < 80  # not one for each point


async def test_points_that_a_bucket_is_too_young_for_do_not_fill_the_database(
    one: Mirror,
    connection: AsyncConnection[Any],
    influx: FakeInflux,
    farm: Farm,
    head: Group,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirror_job, "MOST_OUTSIDE", 30)
    farm.samples(head, [(at(second), [float(second), None], None) for second in range(200)])
    settle(farm, at(300))
    influx.refuses = lambda line: int(line.rpartition(" ")[2]) < to_ms(at(150))
    influx.partly, influx.says = 422, BEYOND
    await one.run(connection)
    assert times(influx, "t1") == [float(second) for second in range(150, 200)]
    assert farm.connection.execute("SELECT count(*) FROM mirror_refused").fetchone() == (30,)
    assert one.registry.get_sample_value("siloscope_mirror_refused_total") == 150


async def test_a_name_with_retention_in_it_says_nothing_of_a_bucket_s_age(
    one: Mirror, connection: AsyncConnection[Any], influx: FakeInflux, farm: Farm, head: Group
) -> None:
    farm.samples(head, [(at(second), [float(second), None], None) for second in range(20)])
    settle(farm, at(100))
    influx.refuses, influx.partly = (lambda line: "value=19.0" in line), 400
    influx.says = 'unable to parse "temperature,site=retention-pond value=19.0": bad number'
    await one.run(connection)
    assert times(influx, "t1") == [float(second) for second in range(19)]
    assert farm.connection.execute("SELECT count(*) FROM mirror_refused").fetchone() == (1,)


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (403, "insufficient permissions for write"),
        (403, 'insufficient permissions for write to bucket "retention-30d"'),
        (500, "partial write: max-series-per-database limit exceeded: dropped={dropped}"),
    ],
)
async def test_who_may_not_write_is_not_told_by_a_point(
    one: Mirror,
    connection: AsyncConnection[Any],
    influx: FakeInflux,
    farm: Farm,
    head: Group,
    status: int,
    says: str,
) -> None:
    farm.samples(head, [(at(1), [1.0, 2.0], None)])
    settle(farm, at(100))
    influx.refuses, influx.partly, influx.says = (lambda line: True), status, says
    with pytest.raises(EndpointAway, match=f" {status}"):
        await driven(one, connection)
    assert farm.connection.execute("SELECT count(*) FROM mirror_refused").fetchone() == (0,)
    influx.refuses = lambda line: False
    await one.run(connection)
    assert times(influx, "t1") == [1.0]


async def test_an_endpoint_that_refuses_everything_does_not_fill_the_database(
    one: Mirror,
    connection: AsyncConnection[Any],
    influx: FakeInflux,
    farm: Farm,
    head: Group,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirror_job, "MOST_SET_ASIDE", 30)
    farm.samples(head, [(at(second), [float(second), None], None) for second in range(200)])
    settle(farm, at(300))
    influx.refuses = lambda line: True
    for _ in range(2):
        with pytest.raises(EndpointAway, match="refused 30 points"):
            await driven(one, connection)
    assert farm.connection.execute("SELECT count(*) FROM mirror_refused").fetchone() == (30,)
    assert one.registry.get_sample_value("siloscope_mirror_set_aside_points") == 30
    influx.refuses = lambda line: False
    again = Mirror(influx.url, again=True)
    await again.run(connection)
    again.endpoint.close()
    assert times(influx, "t1") == [float(second) for second in range(200)]
