"""The courier between a real database and a real broker: what is set arrives, whatever is killed or says nonsense."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from prometheus_client import CollectorRegistry

from siloscope_contract import commands, desired
from siloscope_contract.commands import CommandKind, CommandOutcome, Result
from siloscope_contract.desired import ConfigState, Outcome
from siloscope_contract.topics import Kind, Topic
from siloscope_gateway.main import command
from siloscope_gateway.metrics import Metrics
from siloscope_gateway.principals import Principal
from siloscope_gateway.remote.courier import Courier
from siloscope_process import broker_url, command_line
from siloscope_process.clock import SystemClock
from siloscope_process.operations import Health
from siloscope_store import node_commands, node_configs
from siloscope_store.connections import connect_async
from siloscope_store.node_configs import NewVersion
from tests.brokers import NODE, TestBroker
from tests.gateway.broker_client import BrokerClient

pytestmark = [pytest.mark.postgres, pytest.mark.nats]


@pytest.fixture
def url(migrated_postgres_url: str) -> str:
    """A database with one node."""
    with psycopg.connect(migrated_postgres_url) as connection:
        connection.execute("INSERT INTO organisation (slug, name) VALUES (%s, 'Demo')", (NODE.org,))
        connection.execute(
            "INSERT INTO site (org_id, slug, name) SELECT org_id, %s, 'North' FROM organisation", (NODE.site,)
        )
        connection.execute(
            "INSERT INTO node (org_id, site_id, slug) SELECT org_id, site_id, %s FROM site", (NODE.node,)
        )
    return migrated_postgres_url


@pytest.fixture
async def health(url: str, nats_broker: TestBroker) -> AsyncIterator[Health]:
    """Of a courier at work."""
    found = Health(["database", "broker"])
    servers = broker_url.parse_all(nats_broker.gateway_url)
    courier = Courier(url, servers, SystemClock(), found, Metrics(CollectorRegistry()))
    working = asyncio.create_task(courier.run())
    yield found
    working.cancel()
    with suppress(asyncio.CancelledError):
        await working


async def until(holds: Callable[[], bool]) -> None:
    """Return when it holds; another process's state has no event to wait on."""
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.05)


def asked(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query).fetchall()


async def set_version(url: str, heartbeat_s: float) -> None:
    await set_document(url, {"mqtt": {"heartbeat_s": heartbeat_s}})


async def set_document(url: str, document: dict[str, Any]) -> None:
    async with await connect_async(url, autocommit=True) as connection:
        found = await node_configs.node_named(connection, NODE)
        assert found is not None
        await node_configs.set_desired(connection, *found, NewVersion(document, "user:ada"))


async def give(url: str, arguments: dict[str, Any] | None = None) -> str:
    async with await connect_async(url, autocommit=True) as connection:
        found = await node_configs.node_named(connection, NODE)
        assert found is not None
        given = await node_commands.give(
            connection, *found, CommandKind.IDENTIFY, arguments or {}, issuer="user:ada", valid_for_s=60
        )
    assert given is not None
    return given.command_id


async def heard(client: BrokerClient) -> tuple[str, bytes]:
    topic, payload, _ = await asyncio.to_thread(client.next_message)
    return topic, payload


async def test_what_is_set_is_published_and_again_by_who_comes_after_a_kill(
    url: str, nats_broker: TestBroker, health: Health
) -> None:
    await set_version(url, 30.0)
    await until(lambda: asked(url, "SELECT published_at IS NOT NULL FROM node_config_version") == [(True,)])
    with BrokerClient(nats_broker.port, nats_broker.credential(Principal.of_node(NODE)), "yard") as yard:
        yard.subscribe(Topic(NODE, Kind.CONFIG).text())
        _, payload = await heard(yard)
        assert desired.decode(payload, NODE).version == 1
    await asyncio.to_thread(nats_broker.kill)
    await set_version(url, 40.0)
    await asyncio.to_thread(nats_broker.start)
    await until(lambda: len(asked(url, "SELECT 1 FROM node_config_version WHERE published_at IS NOT NULL")) == 2)
    with BrokerClient(nats_broker.port, nats_broker.credential(Principal.of_node(NODE)), "yard-2") as yard:
        yard.subscribe(Topic(NODE, Kind.CONFIG).text())
        _, payload = await heard(yard)
        assert desired.decode(payload, NODE).version == 2
    assert health.ready


async def test_what_is_too_large_for_a_broker_holds_nobody_up(url: str, health: Health) -> None:
    await set_document(url, {"buses": [1e308] * 5000})  # which the database spells out
    too_large = await give(url, {"devices": [1e308] * 1000})
    command_id = await give(url)
    await until(lambda: asked(url, "SELECT command_id FROM node_command WHERE sends > 0") == [(command_id,)])
    assert asked(url, "SELECT command_id FROM node_command WHERE outcome = 'refused'") == [(too_large,)]
    ((outcome, reasons),) = asked(url, "SELECT outcome, reasons FROM node_config_version")
    assert outcome == "refused"
    assert reasons[0].startswith("not sent: found ")
    assert health.ready


async def test_what_nodes_say_is_kept_and_nonsense_harms_nobody(
    url: str, nats_broker: TestBroker, health: Health
) -> None:
    await set_version(url, 30.0)
    command_id = await give(url)
    await until(lambda: health.ready)
    with BrokerClient(nats_broker.port, nats_broker.credential(Principal.of_node(NODE)), "yard") as yard:
        yard.subscribe(Topic(NODE, Kind.COMMAND, "+").text())
        await until(lambda: asked(url, "SELECT sends > 0 FROM node_command") == [(True,)])
        state, result = Topic(NODE, Kind.CONFIG_STATE).text(), Topic(NODE, Kind.COMMAND_RESULT, command_id).text()
        nul = ConfigState(outcome=Outcome.REFUSED, desired=1, reasons=("a NUL \0 in a reason",))
        for topic, payload in [
            (state, b"\xff"),
            (state, desired.encode(nul)),
            (state, b'{"outcome":"none","more":' + b"[" * 100_000),
            (state, b'{"outcome":"applied","desired":2147483647}'),
            (result, b"{}"),
            (Topic(NODE, Kind.COMMAND_RESULT, "unknown").text(), b'{"outcome":"done"}'),
        ]:
            yard.publish(topic, payload)
        yard.publish(state, desired.encode(ConfigState(outcome=Outcome.APPLIED, desired=1, in_force=1)))
        yard.publish(result, commands.encode(Result(outcome=CommandOutcome.DONE, answer={"shown_by": ["log"]})))
        await until(lambda: asked(url, "SELECT outcome FROM node_command") == [("done",)])
        await until(lambda: asked(url, "SELECT outcome FROM node_config_version") == [("applied",)])


def test_the_command_line_refuses_what_cannot_be_meant_and_shows_what_was_set(
    url: str, tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_line, "_load", lambda name, installed: command)
    monkeypatch.setenv("SILOSCOPE_DATABASE_URL", url)
    file = tmp_path / "change.yaml"
    node = [NODE.org, NODE.site, NODE.node]

    def run(*arguments: str) -> int:
        return command_line.main(["gateway", *arguments])

    for text, words in (("mqtt: {host: x}", "found 'host'"), ("- 1", "found no mapping"), ("a: [", "expected")):
        file.write_text(text)
        assert run("config", "set", *node, str(file)) == 78
        assert words in capsys.readouterr().err
    file.write_text("mqtt: {heartbeat_s: 30}")
    assert run("config", "set", NODE.org, NODE.site, "nobody", str(file)) == 78
    assert "there is no node demo/north-farm/nobody" in capsys.readouterr().err
    assert run("config", "set", *node, str(file), "--comment", "slower") == 0
    assert run("config", "set", *node, str(file), "--confirm-within", "0") == 78
    assert run("config", "show", *node) == 0
    assert '"heartbeat_s": 30' in capsys.readouterr().out
    assert run("command", "send", *node, "read_now", "--argument", "devices=[") == 78
    assert run("command", "send", *node, "read_now", "--argument", 'devices=["head-1"]') == 0
    command_id = capsys.readouterr().out.split()[-1]
    assert run("command", "show", *node, command_id) == 0
    assert "read_now" in capsys.readouterr().out
    assert run("command", "show", *node, "nothing") == 78
    assert run("command", "list", *node) == 0
    assert run("config", "history", *node) == 0
    assert "slower" in capsys.readouterr().out
