"""`siloscope ingest` as a process: killed, stopped, and told nonsense."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest

from siloscope_contract.topics import Kind
from siloscope_deploy.servers.ports import free_port
from siloscope_process.clock import SystemClock
from tests.brokers import NODE, TestBroker
from tests.ingest.conftest import Farm
from tests.ingest.messages import pack
from tests.ingest.publishing import connected, publish
from tests.ingest.waiting import eventually

COMMAND = [sys.executable, "-c", "import sys; from siloscope_process.command_line import main; sys.exit(main())"]
PACKS = 2000


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where ingest's own log goes."""
    return tmp_path / "ingest.log"


@dataclass
class Ingest:
    """A process, and the file that its stderr goes to."""

    process: Process
    log: Path

    async def ended(self) -> tuple[int, list[str]]:
        """Wait for its end; return its exit code and what it said."""
        return await self.process.wait(), self.log.read_text().splitlines()

    async def connected(self, times: int = 1) -> None:
        """Wait until it has subscribed so many times; the broker keeps its messages from then on."""
        await eventually(lambda: self.log.read_text().count("broker_connected") >= times, self.log.read_text)


async def start(log: Path, /, *arguments: str, **told: str) -> Ingest:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SILOSCOPE_")}
    environ |= {f"SILOSCOPE_{name.upper()}": value for name, value in {"log": "json", **told}.items()}
    with log.open("wb") as stderr:
        command = [*COMMAND, "ingest", *arguments]
        return Ingest(await asyncio.create_subprocess_exec(*command, env=environ, stderr=stderr), log)


@asynccontextmanager
async def running(farm: Farm, broker: TestBroker, log: Path, **told: str) -> AsyncIterator[Ingest]:
    ingest = await start(log, database_url=farm.url, mqtt_url=broker.ingest_url, **told)
    try:
        yield ingest
    finally:
        with suppress(ProcessLookupError):
            ingest.process.kill()
        await ingest.process.wait()


def answer(port: int, path: str) -> str:
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
        return bytes(response.read()).decode()
    return ""


async def publish_all(broker: TestBroker, numbers: Sequence[int], start_ms: int) -> None:
    async with connected(broker.node_url()) as device:
        device.pending_calls_threshold = 100
        for first in range(numbers[0], numbers[-1] + 1, 50):
            await asyncio.gather(
                *(
                    publish(device, NODE, Kind.SAMPLES, pack(seq, start_ms + seq * 1000, seq / 10, -seq / 10))
                    for seq in range(first, min(first + 50, numbers[-1] + 1))
                )
            )


async def test_a_killed_ingest_loses_nothing_and_doubles_nothing(
    broker: TestBroker, postgres_farm_url: str, log: Path
) -> None:
    farm = Farm(postgres_farm_url)
    start_ms = SystemClock().now_ms() // 1000 * 1000 - PACKS * 1000
    for killed_at in (1, 300, 900):
        async with running(farm, broker, log) as ingest:
            await ingest.connected()
            # NATS delivers what a killed one had not acknowledged only after 30 s; an edge sends it again sooner.
            publishing = asyncio.ensure_future(publish_all(broker, range(1, PACKS + 1), start_ms))
            await eventually(partial(has_stored, farm, killed_at), partial(stored, farm))
            ingest.process.send_signal(signal.SIGKILL)
        await publishing
    async with running(farm, broker, log) as ingest:
        await ingest.connected()
        await publish_all(broker, range(1, PACKS + 1), start_ms)
        await farm.until("SELECT accounted::text FROM node_epoch", f"{{[1,{PACKS + 1})}}")
    rows = farm.rows('SELECT (extract(epoch FROM time) * 1000)::int8, "values" FROM sample ORDER BY time')
    assert rows == [(start_ms + seq * 1000, [seq / 10, -seq / 10]) for seq in range(1, PACKS + 1)]
    assert farm.value("SELECT count(*) FROM sample_conflict") == 0


async def test_a_killed_broker_is_found_again(broker: TestBroker, postgres_farm_url: str, log: Path) -> None:
    farm = Farm(postgres_farm_url)
    now_ms = SystemClock().now_ms()
    async with running(farm, broker, log) as ingest:
        await ingest.connected()
        await publish_all(broker, range(1, 51), now_ms)
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,51)}")
        broker.kill()
        broker.start()
        # A killed Mosquitto has forgotten the session, and drops what comes before ingest has subscribed again. What
        # the broker took and lost is for the edge to send again; here everything is.
        await ingest.connected(times=2)
        await publish_all(broker, range(1, 101), now_ms)
        await farm.until("SELECT accounted::text FROM node_epoch", "{[1,101)}")
    assert farm.value("SELECT count(*) FROM sample") == 100


@pytest.mark.postgres
@pytest.mark.nats
async def test_it_says_how_it_is_and_stops_cleanly(nats_broker: TestBroker, postgres_farm_url: str, log: Path) -> None:
    farm, port = Farm(postgres_farm_url), free_port()
    async with running(farm, nats_broker, log, ops_port=str(port)) as ingest:
        await eventually(lambda: "true" in answer(port, "/readyz"), lambda: answer(port, "/readyz"))
        await publish_all(nats_broker, range(1, 11), SystemClock().now_ms())
        await farm.until("SELECT count(*) FROM sample", 10)
        await eventually(
            lambda: "siloscope_ingest_readings_total 20.0" in answer(port, "/metrics"),
            lambda: answer(port, "/metrics"),
        )
        ingest.process.send_signal(signal.SIGTERM)
        exit_code, lines = await ingest.ended()
    assert exit_code == 0, lines
    events = [json.loads(line)["event"] for line in lines]
    assert "broker_connected" in events
    assert events[-1] == "finishing"


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"mqtt_url": "mqtt://h"}, "SILOSCOPE_DATABASE_URL is not set"),
        ({"database_url": "nonsense", "mqtt_url": "mqtt://h"}, "database URL"),
        ({"database_url": "postgresql://h/d", "mqtt_url": "h:1883"}, "SILOSCOPE_MQTT_URL"),
        ({"database_url": "postgresql://h/d", "mqtt_url": "mqtt://u@h", "mqtt_password_file": "/nowhere"}, "/nowhere"),
    ],
)
async def test_a_wrong_setting_is_one_line_and_exit_code_78(told: dict[str, str], named: str, log: Path) -> None:
    exit_code, lines = await (await start(log, **told)).ended()
    assert exit_code == 78
    assert len(lines) == 1
    assert named in lines[0]


@pytest.mark.postgres
async def test_a_database_without_schema_is_one_line_and_exit_code_78(postgres_database_url: str, log: Path) -> None:
    exit_code, lines = await (await start(log, database_url=postgres_database_url, mqtt_url="mqtt://h")).ended()
    assert exit_code == 78
    assert "siloscope db migrate" in lines[-1]


@pytest.mark.postgres
@pytest.mark.nats
async def test_a_wrong_broker_password_is_one_line_and_exit_code_78(
    nats_broker: TestBroker, postgres_farm_url: str, log: Path
) -> None:
    url = nats_broker.url.replace("//", "//ingest:wrong@")
    exit_code, lines = await (await start(log, database_url=postgres_farm_url, mqtt_url=url)).ended()
    assert exit_code == 78
    assert "refuses us" in lines[-1]
    assert "wrong" not in "".join(lines)


def stored(farm: Farm) -> int:
    return int(farm.value("SELECT count(*) FROM sample"))


def has_stored(farm: Farm, least: int) -> bool:
    return stored(farm) >= least


@pytest.mark.mosquitto
async def test_a_killed_worker_is_retired_by_command(
    mosquitto_broker: TestBroker, postgres_farm_url: str, log: Path
) -> None:
    farm = Farm(postgres_farm_url)
    async with running(farm, mosquitto_broker, log, ingest_worker="three", ingest_shared_group="all") as ingest:
        await ingest.connected()
        ingest.process.send_signal(signal.SIGKILL)
        await ingest.process.wait()
    await publish_all(mosquitto_broker, range(1, 101), SystemClock().now_ms() // 1000 * 1000)
    told = {"database_url": farm.url, "mqtt_url": mosquitto_broker.ingest_url, "ingest_shared_group": "all"}
    retiring = await start(log, "--retire", "three", **told)
    assert (await retiring.ended())[0] == 0
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,101)}"
    again = await start(log, "--retire", "three", **told)
    exit_code, lines = await again.ended()
    assert exit_code == 78
    assert "the broker has no session of worker three" in lines[-1]
