"""Every part of the platform is killed under load, and at the end the database holds exactly what the edge spooled.

Simulator → edge → broker → ingest → database → API, all of them real processes started by the commands that people
use. Numbers alone would not show a sample that a key conflict swallowed, so device, channel, time, value, unit and
quality of every reading are compared.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from siloscope_deploy.servers.accounts import temporary_home
from siloscope_deploy.servers.postgres import PostgresServer
from siloscope_deploy.servers.timescale import ForeignServer, find_timescale
from siloscope_process.errors import Unavailable
from tests.brokers import NODE, TestBroker
from tests.components import component_missing
from tests.system.comparison import differences
from tests.system.platform import Database, Platform, Server, wait_until
from tests.system.spooled import Instant, Spooled, read_spool
from tests.system.stored import accounted, counts, read_database

pytestmark = pytest.mark.system

SEED = 20261121
PERIOD_S = 0.2
ROUNDS = 2
BETWEEN_KILLS_S = (0.5, 2.0)
DOWN_S = (0.0, 1.5)
FLOWS_WITHIN_S = 30.0
DRAINED_WITHIN_S = 60.0
LEAST_READINGS = 2_000


@contextmanager
def database_server(kind: str, home: Path) -> Iterator[Database]:
    """Give a server of that kind, not yet started, which commits to disk as in production."""
    if kind == "postgres":
        yield PostgresServer(home / "postgres")
        return
    environ = dict(os.environ)
    try:
        server = find_timescale(environ, durable=True)
    except Unavailable as reason:
        component_missing(environ, "TimescaleDB", str(reason))
    if isinstance(server, ForeignServer):
        component_missing(environ, "a TimescaleDB server that may be killed", "SILOSCOPE_TEST_DATABASE_URL is set")
    yield server
    server.discard()


PAIRS = {
    "nats-postgres": pytest.param(
        ("nats", "postgres"), marks=[pytest.mark.nats, pytest.mark.postgres], id="nats-postgres"
    ),
    "mosquitto-timescale": pytest.param(
        ("mosquitto", "timescale"), marks=[pytest.mark.mosquitto, pytest.mark.timescale], id="mosquitto-timescale"
    ),
}


@pytest.fixture
def platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    """A running platform whose samples flow."""
    broker_kind, database_kind = request.param
    with temporary_home() as home, database_server(database_kind, home) as database:
        try:
            broker = TestBroker(broker_kind, home / broker_kind)
        except Unavailable as reason:
            component_missing(dict(os.environ), broker_kind, str(reason))
        with Platform(home, broker=broker, database=database, node=NODE, period_s=PERIOD_S) as platform:
            wait_until(lambda: samples(platform) > 0, "the first sample is stored", FLOWS_WITHIN_S)
            yield platform


@pytest.mark.parametrize("platform", PAIRS.values(), indirect=True)
def test_killed_in_any_order_under_load_nothing_is_lost_doubled_or_altered(platform: Platform) -> None:
    chance = random.Random(SEED)
    victims: list[Server] = [platform.ingest, platform.broker, platform.database, platform.edge] * ROUNDS
    chance.shuffle(victims)
    for victim in victims:
        pause(chance.uniform(*BETWEEN_KILLS_S))
        victim.kill()
        pause(chance.uniform(*DOWN_S))
        victim.start()
    platform.wait_ready()
    assert_the_database_holds_what_was_spooled(platform)


@pytest.mark.parametrize("platform", [PAIRS["mosquitto-timescale"]], indirect=True)
def test_ingest_killed_again_and_again_while_it_commits_stores_each_sample_once(platform: Platform) -> None:
    chance = random.Random(7)
    for _ in range(8):
        before = samples(platform)
        wait_until(lambda before=before: samples(platform) > before, "a commit")  # type: ignore[misc]  # bound at once
        pause(chance.uniform(0.0, 0.1))
        platform.ingest.kill()
        platform.ingest.start()
        platform.ingest.wait_ready()
    assert_the_database_holds_what_was_spooled(platform)


@pytest.mark.parametrize("platform", [PAIRS["nats-postgres"]], indirect=True)
def test_everything_killed_at_once_goes_on_where_it_stopped(platform: Platform) -> None:
    wait_until(lambda: len(read_spool(platform.spool).readings) > LEAST_READINGS / 2, "half the load")
    parts = (platform.edge, platform.ingest, platform.api, platform.broker, platform.database)
    for part in parts:
        part.kill()
    for part in reversed(parts):
        part.start()
    platform.wait_ready()
    assert_the_database_holds_what_was_spooled(platform)


def assert_the_database_holds_what_was_spooled(platform: Platform) -> None:
    """Compare while everything runs on: all that is spooled by now must arrive, and nothing that was never spooled."""
    wait_until(lambda: len(read_spool(platform.spool).readings) > LEAST_READINGS, "the load")
    due = read_spool(platform.spool)
    wait_until(lambda: not missing_numbers(due, platform), "every pack is accounted for", DRAINED_WITHIN_S)
    stored = read_database(platform.database.url)
    assert not differences(due, read_spool(platform.spool), stored)
    beside = counts(platform.database.url, "sample_conflict", "undated", "quarantine", "seq_refused")
    assert not any(beside.values()), beside
    assert not readings_not_served(platform, due)
    assert not platform.logs_with("Traceback")


def samples(platform: Platform) -> int:
    return counts(platform.database.url, "sample")["sample"]


def missing_numbers(due: Spooled, platform: Platform) -> dict[str, set[int]]:
    held = accounted(platform.database.url)
    return {epoch: lost for epoch, seqs in due.seqs.items() if (lost := seqs - held.get(epoch, set()))}


def readings_not_served(platform: Platform, due: Spooled) -> list[Instant]:
    """Return what was read at the site with a value and does not show in the API as it was read."""
    instants = [instant.time_ms for instant in due.readings]
    served = platform.served()
    try:
        shown = {
            instant: value
            for channel in served.channels()
            for instant, value in served.good_values(channel, min(instants), max(instants) + 1)
        }
    finally:
        served.close()
    return [at for at, read in due.readings.items() if read.value is not None and shown.get(at) != read.value]


def pause(seconds: float) -> None:
    """Let the platform run, or lie still, for a chosen while: here the time itself is what is tested."""
    time.sleep(seconds)
