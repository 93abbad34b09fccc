"""The channels of a device change: its samples go by the new ones, at every worker."""

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_ingest import registrar as registrar_module
from siloscope_ingest.admission import admitted
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.intake import Route
from siloscope_process.clock import SystemClock
from siloscope_store import registry
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.fake_broker import answered, fake_broker
from tests.ingest.messages import BIRTH, SAMPLES, birth, pack
from tests.ingest.unplugged import unplugged
from tests.ingest.waiting import eventually

pytestmark = pytest.mark.postgres


async def test_another_unit_makes_a_channel_that_succeeds_the_old_one(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url):
        connection = await broker.connection()
        for packet_id, unit in enumerate(["Cel", "%RH", "Cel", "K"], start=1):
            message = pack(packet_id, now_ms + packet_id * 1000, 50.0, names=["x"], unit="Cel")
            connection.deliver(SAMPLES, message.replace(b'"Cel"', b'"%s"' % unit.encode()), packet_id)
            await answered(connection, *range(1, packet_id + 1))
    assert farm.rows("SELECT unit, position, retired_at IS NULL, succeeds FROM channel ORDER BY position") == [
        ("Cel", 0, True, None),
        ("%RH", 1, False, 1),
    ]
    found = farm.rows("SELECT unit, value FROM reading ORDER BY time")
    assert [(unit, round(value, 2)) for unit, value in found] == [
        ("Cel", 50.0),
        ("%RH", 50.0),
        ("Cel", 50.0),
        ("Cel", -223.15),
    ]


async def test_a_unit_that_changes_at_one_worker_is_known_to_the_other(farm: Farm, now_ms: int) -> None:
    async with (
        fake_broker() as one,
        fake_broker() as two,
        running_ingest(farm.url, one.url, ingest_worker="one"),
        running_ingest(farm.url, two.url, ingest_worker="two") as other,
    ):
        here, there = await one.connection(), await two.connection()
        here.deliver(SAMPLES, pack(1, now_ms, 1.0), 1)
        await answered(here, 1)
        there.deliver(SAMPLES, pack(2, now_ms + 1, 2.0), 1)
        await answered(there, 1)
        (known,) = other.service._registrar._nodes.values()
        assert known._shapes
        here.deliver(SAMPLES, pack(3, now_ms + 2, 3.0, unit="%RH"), 2)
        await answered(here, 1, 2)
        await eventually(lambda: not known._shapes, lambda: known._shapes)
        there.deliver(SAMPLES, pack(4, now_ms + 3, 4.0), 2)
        await answered(there, 1, 2)
    assert farm.rows("SELECT unit FROM channel WHERE retired_at IS NULL") == [("Cel",)]
    assert farm.rows('SELECT "values" FROM sample ORDER BY "time"') == [([1.0],), ([2.0],), ([None, 3.0],), ([4.0],)]


async def test_channels_that_change_while_they_are_asked_for_are_asked_for_again(
    farm: Farm, now_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with unplugged(farm.url) as worker:
        registrar = worker.service._registrar
        asked: list[str] = []

        def changing(name: str, ask: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            async def answer(*arguments: Any) -> Any:
                found = await ask(*arguments)
                asked.append(name)
                if asked.count(name) == 1:  # told by another worker while this answer is under way
                    registrar.forget_shapes(1)
                return found

            return answer

        monkeypatch.setattr(registry, "layouts", changing("layouts", registry.layouts))
        monkeypatch.setattr(registrar_module, "admitted", changing("admitted", admitted))
        worker.send(pack(1, now_ms, 1.0), now_ms)
        await worker.settled()
        assert asked == ["admitted", "admitted"]
        (node,) = registrar._nodes.values()
        await registrar._ahead.fill(await registrar._database.connection(), [node.name], registrar._nodes, 1)
        assert not registrar._ahead.knows(1, "bin1-head1")
        await registrar._ahead.fill(await registrar._database.connection(), [node.name], registrar._nodes, 1)
        assert registrar._ahead.knows(1, "bin1-head1")


async def test_a_worker_that_listens_again_forgets_only_what_changed_meanwhile(farm: Farm, now_ms: int) -> None:
    async with fake_broker() as broker, running_ingest(farm.url, broker.url) as ingest:
        connection = await broker.connection()
        for at, node in enumerate(("changed", "same"), start=1):
            topic = Topic(NodeName.of("demo", "north-farm", node), Kind.SAMPLES).text()
            connection.deliver(topic, pack(1, now_ms, 1.0), at)
        await answered(connection, 1, 2)
        nodes = {str(known.name.node): known for known in ingest.service._registrar._nodes.values()}
        assert nodes["changed"]._shapes
        listening = ingest.service._publishing._connection
        assert listening is not None
        with psycopg.connect(farm.url, autocommit=True) as other:  # as another worker does, and tells nobody
            other.execute(
                "UPDATE channel SET retired_at = now() FROM device AS d JOIN node AS n USING (node_id)"
                " WHERE d.device_id = channel.device_id AND n.slug = 'changed'"
            )
            other.execute("SELECT pg_terminate_backend(%s)", (listening.info.backend_pid,))
        await eventually(lambda: not nodes["changed"]._shapes, lambda: nodes["changed"]._shapes)
        assert nodes["same"]._shapes


async def test_only_a_birth_that_says_something_else_makes_shapes_forgotten(postgres_farm_url: str) -> None:
    asked: list[str] = []
    at_ms = SystemClock().now_ms()
    async with unplugged(postgres_farm_url) as worker:
        park = worker.service._registrar.park

        def noted(route: Route, delivery: Delivery) -> None:
            asked.append(route.topic.kind.value)
            park(route, delivery)

        worker.service._intake._park = noted
        for at, session in enumerate(("one", "two", "three")):
            worker.send(birth(session), at_ms, BIRTH)
            await worker.settled()
            worker.send(pack(at + 1, at_ms + at, 1.0, 2.0), at_ms)
            await worker.settled()
        assert asked.count("samples") == 1
        node = next(iter(worker.service._registrar._nodes.values()))
        worker.service._registrar.forget_shapes(node.node_id)
        assert not node.announced
        worker.send(pack(4, at_ms + 9, 1.0, 2.0), at_ms)
        await worker.settled()
        assert asked.count("samples") == 2
