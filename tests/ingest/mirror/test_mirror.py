"""The mirror against a server that follows the published write API."""

import random
import socket
import threading
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from psycopg import AsyncConnection

from siloscope_ingest.mirror import job as mirror_job
from siloscope_ingest.mirror.endpoint import EndpointAway
from siloscope_ingest.mirror.job import MirrorJob
from siloscope_ingest.mirror.metrics import MirrorMetrics
from siloscope_ingest.mirror.points import Heads
from siloscope_process.clock import to_ms
from siloscope_store import mirror
from siloscope_store.mirror import MirroredChannel, Sample
from tests.ingest.mirror.fake_influx import FakeInflux
from tests.ingest.mirror.mirrored import SIX, Mirror, at, driven, late, settle, take_marks, times
from tests.store.farm import Farm, Group


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
            await driven(one, connection)
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
        await driven(one, connection)
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
        await driven(one, connection)
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
        await driven(wrong, connection)
    assert "wrong-token" not in str(error.value)
    wrong.endpoint.close()


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
