"""Every part of the platform is killed under load, and at the end the database holds exactly what the edge spooled.

Simulator → edge → broker → ingest → database → API, all of them real processes started by the commands that people
use. Numbers alone would not show a sample that a key conflict swallowed, so device, channel, time, value, unit and
quality of every reading are compared.
"""

import random
import time

import pytest

from tests.system.comparison import differences
from tests.system.pairs import PAIRS
from tests.system.platform import Platform, Server, wait_until
from tests.system.spooled import Instant, Spooled, read_spool
from tests.system.stored import accounted, counts, read_database

pytestmark = pytest.mark.system

SEED = 20261121
ROUNDS = 2
BETWEEN_KILLS_S = (0.5, 2.0)
DOWN_S = (0.0, 1.5)
DRAINED_WITHIN_S = 60.0
LEAST_READINGS = 2_000


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
def test_two_ingests_killed_in_turn_while_they_commit_store_each_sample_once(platform: Platform) -> None:
    chance = random.Random(SEED)
    workers = [platform.ingest, platform.start_second_ingest()]
    for turn in range(8):
        before = platform.samples()
        wait_until(lambda before=before: platform.samples() > before, "a commit")  # type: ignore[misc]  # bound at once
        pause(chance.uniform(0.0, 0.1))
        workers[turn % 2].kill()
        workers[turn % 2].start()
        workers[turn % 2].wait_ready()
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
