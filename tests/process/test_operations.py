import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry, Counter

from siloscope_process.errors import Unavailable
from siloscope_process.operations import Health, OperationsServer


async def ask(port: int, request: bytes) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split(" ")[1]), body


@pytest.fixture
def health() -> Health:
    return Health(["database"])


@pytest.fixture
async def server(health: Health) -> AsyncIterator[OperationsServer]:
    registry = CollectorRegistry()
    Counter("siloscope_packs", "Packs", registry=registry).inc(7)
    running = OperationsServer(health, None, registry)
    await running.start()
    yield running
    await running.stop()


async def test_only_get_is_answered(server: OperationsServer) -> None:
    assert (await ask(server.port, b"POST /healthz"))[0] == 405
    assert (await ask(server.port, b"GET /secrets"))[0] == 404


async def test_a_service_is_ready_once_every_named_check_is_good(server: OperationsServer, health: Health) -> None:
    status, body = await ask(server.port, b"GET /readyz")
    assert (status, json.loads(body)["checks"]["database"]) == (503, {"ok": False, "detail": "starting"})
    health.set("database", True)
    assert (await ask(server.port, b"GET /readyz?verbose"))[0] == 200


async def test_a_service_that_is_not_ready_is_alive(server: OperationsServer) -> None:
    assert (await ask(server.port, b"GET /healthz"))[0] == 200


async def test_metrics_are_shown(server: OperationsServer) -> None:
    assert "siloscope_packs_total 7.0" in (await ask(server.port, b"GET /metrics"))[1]


async def test_a_head_request_gets_no_body(server: OperationsServer) -> None:
    assert await ask(server.port, b"HEAD /healthz") == (200, "")


async def test_a_port_that_was_asked_for_and_is_taken_stops_the_service(server: OperationsServer) -> None:
    with pytest.raises(Unavailable, match=f"port {server.port} on 127.0.0.1 is taken .* SILOSCOPE_OPS_PORT"):
        await OperationsServer(Health(), server.port, CollectorRegistry()).start()


async def test_a_preferred_port_that_is_taken_gives_way_to_a_free_one(server: OperationsServer) -> None:
    second = OperationsServer(Health(), None, CollectorRegistry(), preferred_port=server.port)
    await second.start()
    assert second.port not in (0, server.port)
    await second.stop()
