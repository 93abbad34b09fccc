"""The mirror against a server that follows the published write API."""

import asyncio
import random
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from psycopg import AsyncConnection, Connection

from siloscope_ingest.mirror import job as mirror_job
from siloscope_ingest.mirror.endpoint import EndpointAway, InfluxEndpoint
from siloscope_ingest.mirror.job import MirrorJob
from siloscope_ingest.mirror.metrics import MirrorMetrics
from siloscope_ingest.mirror.points import Heads
from siloscope_process.clock import ManualClock, to_ms
from siloscope_store import mirror
from siloscope_store.connections import connect, connect_async
from siloscope_store.mirror import MirroredChannel, Sample
from tests.ingest.mirror.fake_influx import TOKEN, FakeInflux, fake_influx
from tests.store.farm import Farm, Group

SIX = datetime(2026, 2, 1, 6, tzinfo=UTC)


def at(second: float) -> datetime:
    return SIX + timedelta(seconds=second)


@pytest.fixture
def influx() -> Iterator[FakeInflux]:
    with fake_influx() as fake:
        yield fake


@pytest.fixture
def owner(migrated_database_url: str) -> Iterator[Connection[Any]]:
    with connect(migrated_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def connection(migrated_database_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    async with await connect_async(migrated_database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def farm(owner: Connection[Any]) -> Farm:
    return Farm(owner, "ours")


@pytest.fixture
def head(farm: Farm) -> Group:
    return farm.group("head", [("t1", "temperature", "Cel"), ("t2", "temperature", "Cel")])


class Mirror:
    """One start of the mirror."""

    def __init__(self, url: str, token: str = TOKEN, timeout_s: float = 5, **options: Any) -> None:
        self.clock = ManualClock(to_ms(at(3600)))
        self.registry = CollectorRegistry()
        self.endpoint = InfluxEndpoint(url, "farm", "silo", token, timeout_s)
        self.job = MirrorJob(
            self.endpoint, self.clock, MirrorMetrics(self.registry), **{"since": SIX, "points": 50, **options}
        )

    async def run(self, connection: AsyncConnection[Any]) -> None:
        """Run until nothing waits."""
        while await self.job.run(connection):
            pass


@pytest.fixture
def one(influx: FakeInflux) -> Iterator[Mirror]:
    made = Mirror(influx.url)
    yield made
    made.endpoint.close()


def settle(farm: Farm, to: datetime) -> None:
    """Do what the job of the roll-ups does to its horizon."""
    farm.connection.execute(
        "INSERT INTO rollup_horizon (closed_to, settled_to) VALUES (%s, %s) "
        "ON CONFLICT (singleton) DO UPDATE SET closed_to = excluded.closed_to, settled_to = excluded.settled_to",
        (to, to),
    )


def late(farm: Farm, group: Group, rows: list[tuple[datetime, list[float | None], list[int | None] | None]]) -> None:
    """Store what came late, as ingest does: with marks."""
    farm.samples(group, rows)
    farm.connection.execute("SELECT touch_rollups(%s, %s)", ([group.group_id] * len(rows), [time for time, *_ in rows]))


def take_marks(farm: Farm) -> None:
    """Do what the job of the roll-ups does to marks."""
    farm.connection.execute("DELETE FROM rollup_touched")


def times(influx: FakeInflux, channel: str) -> list[float]:
    """Return the seconds after six at which a channel has points."""
    return sorted((time - to_ms(SIX)) / 1000 for head, time in influx.points if f"channel={channel}," in head)


def test_points_name_everything_and_escape_it() -> None:
    channel = MirroredChannel(1, 0, 7, "ours", "yard", "pi", "a b", "t,1=x", "temperature", "Cel")
    heads = Heads([channel])
    rows = [
        Sample(1, at(0), [21.5], None),
        Sample(1, at(1), [None], [201]),
        Sample(1, at(2), [1.0], [101]),
        Sample(1, at(3), [None], None),
        Sample(2, at(3), [5.0], None),
    ]
    start = r"temperature,org=ours,site=yard,node=pi,device=a\ b,channel=t\,1\=x,unit=Cel"
    assert [line for _, line in heads.lines(rows)] == [
        f"{start} value=21.5,quality=0i {to_ms(at(0))}",
        f'{start} quality=201i,reason="comm_failure" {to_ms(at(1))}',
        f'{start} value=1.0,quality=101i,reason="clock_unsynced" {to_ms(at(2))}',
    ]


async def test_before_roll_ups_ever_ran_nothing_is_known_to_be_settled(
    one: Mirror, connection: AsyncConnection[Any], influx: FakeInflux, head: Group
) -> None:
    await one.run(connection)
    assert influx.requests == []


async def test_what_has_settled_is_there_once(
    one: Mirror, connection: AsyncConnection[Any], influx: FakeInflux, farm: Farm, head: Group
) -> None:
    vitals = farm.group("host", [("cpu", "temperature", "Cel")], retention_class="vitals")
    farm.samples(head, [(at(second), [float(second), None], [0, 201]) for second in range(200)])
    farm.samples(vitals, [(at(10), [60.0], None)], "sample_vitals")
    settle(farm, at(100))
    await one.run(connection)
    assert times(influx, "t1") == times(influx, "t2") == [float(second) for second in range(100)]
    assert times(influx, "cpu") == [10.0]
    settle(farm, at(300))
    await one.run(connection)
    assert times(influx, "t1") == [float(second) for second in range(200)]
    assert sum(influx.requests) == 401
    assert max(influx.requests) <= 50
    assert one.registry.get_sample_value("siloscope_mirror_points_total") == 401
    assert one.registry.get_sample_value("siloscope_mirror_lag_seconds") == 3300


async def test_late_samples_come_by_the_marks_of_the_roll_ups(
    one: Mirror, connection: AsyncConnection[Any], influx: FakeInflux, farm: Farm, head: Group
) -> None:
    settle(farm, at(1800))
    await one.run(connection)
    late(farm, head, [(at(5), [5.0, 6.0], None), (at(-86400), [7.0, None], None)])
    await one.run(connection)
    assert times(influx, "t1") == []  # the job of the roll-ups has not taken the marks
    take_marks(farm)
    await one.run(connection)
    assert times(influx, "t1") == [-86400.0, 5.0]
    assert farm.connection.execute("SELECT count(*) FROM mirror_touched").fetchone() == (0,)


async def test_no_mark_is_kept_where_there_is_no_mirror(farm: Farm, head: Group) -> None:
    late(farm, head, [(at(5), [5.0, 6.0], None)])
    take_marks(farm)
    assert farm.connection.execute("SELECT count(*) FROM mirror_touched").fetchone() == (0,)


@pytest.mark.parametrize("status", [500, 503, 429, 401])
async def test_an_endpoint_that_is_away_is_waited_for_and_nothing_is_skipped(
    one: Mirror, connection: AsyncConnection[Any], influx: FakeInflux, farm: Farm, head: Group, status: int
) -> None:
    farm.samples(head, [(at(second), [1.0, 2.0], None) for second in range(100)])
    settle(farm, at(100))
    influx.answers = [(status, {})] * 3
    for _ in range(3):
        clock_waits = one.clock.sleepers
        with pytest.raises(EndpointAway, match=str(status)):
            await _driven(one, connection)
        assert one.clock.sleepers == clock_waits
    await one.run(connection)
    assert times(influx, "t1") == [float(second) for second in range(100)]


@pytest.mark.parametrize("status", [200, 202])
async def test_who_answers_well_with_a_page_has_stored_nothing(
    one: Mirror, connection: AsyncConnection[Any], influx: FakeInflux, farm: Farm, head: Group, status: int
) -> None:
    """A login page of some proxy: nothing may be noted as sent."""
    farm.samples(head, [(at(second), [1.0, 2.0], None) for second in range(100)])
    settle(farm, at(100))
    influx.answers = [(status, {})]
    with pytest.raises(EndpointAway, match=f"answers {status} with a text"):
        await _driven(one, connection)
    await one.run(connection)
    assert times(influx, "t1") == [float(second) for second in range(100)]


async def test_who_took_only_some_of_the_points_is_asked_for_the_others(
    one: Mirror, connection: AsyncConnection[Any], influx: FakeInflux, farm: Farm, head: Group
) -> None:
    farm.samples(head, [(at(second), [float(second), None], None) for second in range(20)])
    settle(farm, at(100))
    influx.refuses = lambda line: "value=13.0" in line
    influx.partly = 201
    await one.run(connection)
    assert times(influx, "t1") == [float(second) for second in range(20) if second != 13]
    aside = farm.connection.execute("SELECT reason FROM mirror_refused").fetchall()
    assert len(aside) == 1
    assert aside[0][0].startswith("201: ")


async def test_retry_after_is_heeded(
    one: Mirror, connection: AsyncConnection[Any], influx: FakeInflux, farm: Farm, head: Group
) -> None:
    farm.samples(head, [(at(1), [1.0, 2.0], None)])
    settle(farm, at(100))
    influx.answers = [(429, {"Retry-After": "7"})]
    before_s = one.clock.monotonic_s()
    with pytest.raises(EndpointAway):
        await _driven(one, connection)
    assert one.clock.monotonic_s() - before_s >= 7


async def test_an_endpoint_that_is_not_there_is_away(connection: AsyncConnection[Any], farm: Farm, head: Group) -> None:
    farm.samples(head, [(at(1), [1.0, 2.0], None)])
    settle(farm, at(100))
    lost = Mirror("http://127.0.0.1:9")
    with pytest.raises(EndpointAway, match="does not answer"):
        await lost.run(connection)
    lost.endpoint.close()


async def test_an_endpoint_that_answers_byte_by_byte_without_end_is_given_up(
    connection: AsyncConnection[Any], influx: FakeInflux, farm: Farm, head: Group
) -> None:
    farm.samples(head, [(at(1), [1.0, 2.0], None)])
    settle(farm, at(100))
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_dripping, args=(server, ended))
        thread.start()
        slow = Mirror(f"http://127.0.0.1:{server.getsockname()[1]}", timeout_s=0.2)
        try:
            with pytest.raises(EndpointAway, match="no whole answer within"):
                await slow.run(connection)
        finally:
            ended.set()
            thread.join()
            slow.endpoint.close()
    well = Mirror(influx.url)
    await well.run(connection)
    well.endpoint.close()
    assert times(influx, "t1") == [1.0]


def _dripping(server: socket.socket, ended: threading.Event) -> None:
    """Answer one request with a page that goes on and on."""
    taken, _ = server.accept()
    with taken, suppress(OSError):
        taken.recv(65_536)
        taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
        while not ended.wait(0.05):
            taken.sendall(b".")


async def test_a_wrong_token_is_told_without_it(
    influx: FakeInflux, connection: AsyncConnection[Any], farm: Farm, head: Group
) -> None:
    farm.samples(head, [(at(1), [1.0, 2.0], None)])
    settle(farm, at(100))
    wrong = Mirror(influx.url, token="wrong-token")
    with pytest.raises(EndpointAway, match="401") as error:
        await _driven(wrong, connection)
    assert "wrong-token" not in str(error.value)
    wrong.endpoint.close()


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
        await _driven(one, connection)
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
            await _driven(one, connection)
    assert farm.connection.execute("SELECT count(*) FROM mirror_refused").fetchone() == (30,)
    assert one.registry.get_sample_value("siloscope_mirror_set_aside_points") == 30
    influx.refuses = lambda line: False
    again = Mirror(influx.url, again=True)
    await again.run(connection)
    again.endpoint.close()
    assert times(influx, "t1") == [float(second) for second in range(200)]


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("seed", range(4))
async def test_killed_anywhere_every_sample_arrives(
    one: Mirror,
    connection: AsyncConnection[Any],
    influx: FakeInflux,
    farm: Farm,
    head: Group,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    """Deaths before and after the endpoint took a page, outages, late samples and moving horizons in between."""
    chance = random.Random(seed)
    monkeypatch.setattr(mirror_job, "SAMPLES_A_PAGE", 7)
    monkeypatch.setattr(mirror_job, "LONGEST_PASS", timedelta(seconds=40))
    other = farm.group("other", [("t3", "temperature", "Cel")])
    for name in ("advance", "close_pass", "open_pass", "drop_marks"):
        real = getattr(mirror, name)

        async def dying(*arguments: Any, real: Any = real) -> None:
            if chance.random() < 0.1:
                raise Killed
            await real(*arguments)
            if chance.random() < 0.1:
                raise Killed

        monkeypatch.setattr(mirror, name, dying)
    settle(farm, at(-2))
    await _until_idle(connection, one)  # from now on whatever is written late is the mirror's
    written: set[float] = set()
    second = 0
    for _ in range(6):
        fresh = [second + each for each in range(chance.randrange(1, 30))]
        farm.samples(head, [(at(each), [float(each), None], None) for each in fresh])
        farm.samples(other, [(at(each), [float(each)], None) for each in fresh])
        written.update(map(float, fresh))
        second = fresh[-1] + 1
        settle(farm, at(second - chance.randrange(0, 2)))
        old = [at(-0.5 - chance.randrange(0, 90_000)) for _ in range(3)]
        for time in set(old) - {at(each) for each in written}:
            late(farm, head, [(time, [1.0, None], None)])
            written.add((time - SIX).total_seconds())
        if chance.random() < 0.7:
            take_marks(farm)
        influx.answers = [(500, {})] * chance.randrange(0, 2)
        await _until_idle(connection, one)
    settle(farm, at(second + 1))
    take_marks(farm)
    influx.answers = []
    await _until_idle(connection, one)
    assert times(influx, "t1") == sorted(written)
    assert times(influx, "t3") == [float(each) for each in range(second)]


async def _until_idle(connection: AsyncConnection[Any], one: Mirror) -> None:
    """Start the mirror again whenever it ends, until it has nothing to do."""
    while True:
        job = MirrorJob(one.endpoint, one.clock, MirrorMetrics(CollectorRegistry()), since=at(-2), points=50)
        try:
            while await job.run(connection):
                pass
            return
        except (Killed, EndpointAway):
            continue


async def _driven(one: Mirror, connection: AsyncConnection[Any]) -> None:
    """Run while the clock goes on by itself."""

    running = asyncio.ensure_future(one.run(connection))
    while not running.done():
        await asyncio.sleep(0.001)
        if one.clock.sleepers:
            one.clock.advance(1)
    await running
