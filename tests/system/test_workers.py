"""Several ingest workers share one broker. Workers and servers are killed under load; every number is accounted for."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from siloscope_contract.topics import NodeName
from siloscope_deploy.servers.accounts import temporary_home
from siloscope_deploy.servers.nats_cluster import NatsClusterServers
from siloscope_gateway.credentials import Credential, Recognition, issue
from siloscope_gateway.principals import Principal
from siloscope_process.clock import SystemClock
from tests.brokers import NODE, OTHER_NODE, TestBroker
from tests.ingest.conftest import add_sites
from tests.system.platform import Service, wait_until
from tests.system.sending import Sender

pytestmark = pytest.mark.system

NODES = (NODE, OTHER_NODE)
PACKS = 1500
RATE = 150.0
WORKERS = ("one", "two", "three")
ACCOUNTED_WITHIN_S = 120.0
CLUSTER_WITHIN_S = 60.0
VALUES = """
SELECT (extract(epoch FROM time) * 1000)::int8, "values" FROM sample
JOIN sample_group USING (group_id) JOIN device USING (device_id) JOIN node USING (node_id)
WHERE node.slug = %s ORDER BY time
"""


@dataclass
class Workers:
    """Several workers, and nodes that send."""

    services: dict[str, Service]
    senders: list[Sender]
    database_url: str

    async def run(self, disturb: Callable[["Workers"], Coroutine[Any, Any, None]]) -> None:
        """Send everything while the disturbance runs its course; return when all is accounted for."""
        try:
            async with asyncio.timeout(ACCOUNTED_WITHIN_S):
                await asyncio.gather(disturb(self), *(sender.run() for sender in self.senders))
        except TimeoutError:
            pytest.fail("; ".join(sender.state for sender in self.senders))

    async def half_way(self, share: float) -> None:
        """Wait until so much of what the first node has to send was sent."""
        while self.senders[0].sent < share * PACKS:
            await asyncio.sleep(0.02)

    def restart(self, name: str) -> None:
        """Kill a worker and start it again."""
        self.services[name].kill()
        self.services[name].start()

    def assert_all_is_stored_once(self) -> None:
        """Compare what is stored with what was sent."""
        with psycopg.connect(self.database_url) as connection:
            for sender in self.senders:
                expected = [(sender.start_ms + seq * 1000, [seq / 10]) for seq in range(1, sender.packs + 1)]
                assert connection.execute(VALUES, [str(sender.node.node)]).fetchall() == expected
                found = connection.execute(
                    "SELECT accounted::text FROM node_epoch WHERE epoch = %s::uuid", [sender.epoch]
                ).fetchall()
                assert found == [(f"{{[1,{PACKS + 1})}}",)]
            for table in (b"sample_conflict", b"quarantine", b"undated", b"seq_refused"):
                assert connection.execute(b"SELECT count(*) FROM " + table).fetchone() == (0,)


@contextmanager
def running_workers(
    home: Path, database_url: str, environ: Mapping[str, str], node_urls: Mapping[NodeName, list[str]]
) -> Iterator[Workers]:
    add_sites(database_url)
    told = {"SILOSCOPE_DATABASE_URL": database_url, **environ}
    with ExitStack() as end:
        services = {}
        for name in WORKERS:
            service = Service(home, f"ingest-{name}", ["ingest"], {**told, "SILOSCOPE_INGEST_WORKER": name})
            services[name] = service
            service.start()
            end.callback(service.kill)
        for service in services.values():
            wait_until(service.says_ready, f"{service.name} is ready", CLUSTER_WITHIN_S)
        start_ms = SystemClock().now_ms() // 1000 * 1000 - 2 * PACKS * 1000
        senders = [Sender(node, node_urls[node], PACKS, start_ms, RATE) for node in NODES]
        yield Workers(services, senders, database_url)
        for service in services.values():
            assert "Traceback" not in service.log.read_text(errors="replace"), service.log


@pytest.mark.mosquitto
@pytest.mark.postgres
async def test_killed_workers_on_mosquitto_lose_and_double_nothing(
    mosquitto_broker: TestBroker, migrated_postgres_url: str, tmp_path: Path
) -> None:
    environ = {"SILOSCOPE_MQTT_URL": mosquitto_broker.ingest_url, "SILOSCOPE_INGEST_SHARED_GROUP": "ingest"}
    urls = {node: [mosquitto_broker.node_url(node)] for node in NODES}
    with running_workers(tmp_path, migrated_postgres_url, environ, urls) as workers:

        async def disturb(found: Workers) -> None:
            await found.half_way(0.2)
            found.restart("one")
            await found.half_way(0.4)
            found.services["two"].kill()
            await found.half_way(0.6)
            found.restart("three")
            await found.half_way(0.8)
            found.services["two"].start()

        await workers.run(disturb)
        workers.assert_all_is_stored_once()


@pytest.fixture
def cluster() -> Iterator[tuple[NatsClusterServers, dict[Principal, Credential]]]:
    """Three NATS servers, and the credentials of ingest and the nodes."""
    issued: dict[Principal, tuple[Credential, Recognition]] = {
        principal: issue(principal) for principal in (Principal.ingest(), *map(Principal.of_node, NODES))
    }
    with temporary_home() as home:
        servers = NatsClusterServers(home, [recognition for _, recognition in issued.values()])
        servers.start()
        yield servers, {principal: credential for principal, (credential, _) in issued.items()}
        servers.stop()


@pytest.mark.nats
@pytest.mark.postgres
async def test_a_killed_server_and_killed_workers_on_a_nats_cluster_lose_and_double_nothing(
    cluster: tuple[NatsClusterServers, dict[Principal, Credential]], migrated_postgres_url: str, tmp_path: Path
) -> None:
    servers, credentials = cluster
    environ = {
        "SILOSCOPE_MQTT_URL": servers.urls_for(credentials[Principal.ingest()]),
        "SILOSCOPE_NATS_URL": servers.client_urls,
    }
    urls = {node: servers.urls_for(credentials[Principal.of_node(node)]).split(",") for node in NODES}
    with running_workers(tmp_path, migrated_postgres_url, environ, urls) as workers:

        async def disturb(found: Workers) -> None:
            await found.half_way(0.2)
            found.restart("one")
            await found.half_way(0.4)
            await asyncio.to_thread(servers.servers[0].kill)
            await found.half_way(0.6)
            found.services["two"].kill()
            await found.half_way(0.8)
            await asyncio.to_thread(servers.servers[0].start)
            found.services["two"].start()

        await workers.run(disturb)
        workers.assert_all_is_stored_once()
        assert workers.senders[0].connects > 1
