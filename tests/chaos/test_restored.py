"""A copy of the database's files is put back while nodes, broker and ingest stay as they are: nobody connects anew."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from siloscope_deploy.servers.accounts import temporary_home
from tests.chaos.audit import read_accounts
from tests.chaos.records import PackId, read_spool
from tests.chaos.world import World
from tests.system.platform import wait_until

pytestmark = [pytest.mark.system, pytest.mark.nats, pytest.mark.postgres]

WITHIN_S = 60.0


@pytest.fixture
def world() -> Iterator[World]:
    with temporary_home() as home, World(home, "nats", "postgres", fleet_sizes=(3,), patience=0.3) as world:
        wait_until(lambda: len(stored(world)) > 30, "packs are stored", WITHIN_S)
        yield world


@pytest.mark.parametrize("ingest_lives", [True, False], ids=["ingest-lives", "ingest-restarts"])
def test_what_was_stored_since_the_backup_is_offered_again(world: World, *, ingest_lives: bool) -> None:
    world.store.back_up()
    before = stored(world)
    wait_until(lambda: len(stored(world) - before) > 30, "more is stored", WITHIN_S)
    time.sleep(1)  # nodes hear that it is
    since = stored(world) - before
    if not ingest_lives:
        world.workers[0].kill()
    world.store.restore()
    if not ingest_lives:
        world.workers[0].start()
    wait_until(lambda: not since - stored(world), "all of it is stored again", WITHIN_S)


def stored(world: World) -> set[PackId]:
    """Return the packs of all spools that the database accounts for."""
    held = read_accounts(world.store.url)
    files = [Path(node.directory) / "spool.sqlite3" for node in world.nodes]
    spooled: set[PackId] = set()
    with suppress(sqlite3.OperationalError):  # a node is just making its spool
        spooled.update(id for file in files for id, _ in read_spool(file))
    return {id for id in spooled if held.accounts_for(id)}
