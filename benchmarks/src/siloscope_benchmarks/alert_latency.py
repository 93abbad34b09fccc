"""From the commit of a reading that breaches to the moment that the mail server has the message."""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from siloscope_benchmarks.fleet import ORGANISATION
from siloscope_benchmarks.ingest_bench import MESSAGES
from siloscope_benchmarks.load import Load, Phase
from siloscope_benchmarks.parts import Database, running_alerting, running_broker, running_database, running_ingest
from siloscope_benchmarks.watching import LoadGenerator, metric, wait_until_ready
from siloscope_contract.alerts.conditions import Threshold
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.selectors import Selector
from siloscope_contract.alerts.words import Severity
from siloscope_deploy.servers.ports import free_port
from siloscope_process.clock import SystemClock
from siloscope_process.errors import Unavailable
from siloscope_store import alert_rules, history
from siloscope_store.connections import connect_async
from siloscope_store.history import Site

_LEVEL, _HOT = 60.0, 61.0
_EVERY_S = 0.1
_NODE = re.compile(rb"z\d{6}")
_NOTIFY = """\
channels:
  - {channel: post, kind: email, to: [bench@localhost], most_per_hour: 3600}
routes:
  - {route: all, steps: [{channels: [post]}]}
"""


class Stage(msgspec.Struct, frozen=True):
    """How long something had taken since the commit, in seconds."""

    p50_s: float
    p99_s: float


class AlertLatency(msgspec.Struct, frozen=True):
    """How long emails took, in seconds since the commit of what they are about.

    Attributes:
        judged: Until the alert was written to fire.
        claimed: Until its message was taken out of the outbox.
    """

    alerts: int
    mails: int
    p50_s: float
    p99_s: float
    most_s: float
    ingest_messages_per_s: float
    judged: Stage
    claimed: Stage


class MailServer:
    """A mail server that takes everything and notes when it had it, and which node it was about."""

    def __init__(self) -> None:
        self.port = 0
        self.came_s: dict[str, float] = {}
        self._waited_for = 0
        self._all_came = asyncio.Event()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 22)
        self.port = self._server.sockets[0].getsockname()[1]

    async def wait_for(self, nodes: int) -> None:
        """Wait until mail about so many nodes has come."""
        self._waited_for = nodes
        if len(self.came_s) < nodes:
            self._all_came.clear()
            await self._all_came.wait()

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 bench ESMTP\r\n")
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    writer.write(b"354 go on\r\n")
                    mail = await reader.readuntil(b"\r\n.\r\n")
                    for node in _NODE.findall(mail):
                        self.came_s.setdefault(node.decode(), time.monotonic())
                    if len(self.came_s) >= self._waited_for:
                        self._all_came.set()
                writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
                await writer.drain()
                if verb == b"QUIT":
                    break
        writer.close()


def measure_latency(alerts: int, ingest_rate: float, kind: str, environ: Mapping[str, str]) -> AlertLatency:
    """Run database, broker, ingest, alerting and a mail server, and let nodes breach one by one.

    Raises:
        Unavailable: One of them cannot be had here.
    """
    with running_database(kind, environ) as database, ExitStack() as stack:
        broker = stack.enter_context(running_broker("mosquitto"))
        folder, port = Path(stack.enter_context(TemporaryDirectory())), free_port()
        ingest = stack.enter_context(running_ingest(database, broker, port, environ, folder / "ingest.log"))
        wait_until_ready(ingest, port, folder / "ingest.log")
        load = Load(broker.host, broker.port, broker.fleet.username, broker.fleet.password, 1000, 20, 1, 12_000)
        _tell_whom(database, folder, environ)
        return asyncio.run(_beside(alerts, ingest_rate, database, load, port, environ, folder))


def _tell_whom(database: Database, folder: Path, environ: Mapping[str, str]) -> None:
    file = folder / "notify.yaml"
    file.write_text(_NOTIFY)
    told = {
        **{n: v for n, v in environ.items() if not n.startswith("SILOSCOPE_")},
        "SILOSCOPE_DATABASE_URL": database.url,
    }
    run = "import sys; from siloscope_process.command_line import main; sys.exit(main())"
    ended = subprocess.run(
        [sys.executable, "-c", run, "alerts", "channels", "apply", str(file)], env=told, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if ended.returncode:
        raise Unavailable(f"siloscope alerts channels apply: {ended.stderr.strip()}")


async def _beside(
    alerts: int, rate: float, database: Database, load: Load, port: int, environ: Mapping[str, str], folder: Path
) -> AlertLatency:
    mails = MailServer()
    await mails.start()
    generator = LoadGenerator(load) if rate else None
    ops_port, log = free_port(), folder / "alerting.log"
    try:
        if generator is not None:
            await generator.ready()
        async with await connect_async(database.url, autocommit=True) as connection:
            site = Site(ORGANISATION, "alerts", "z")
            org_id, _ = await history.add_site(connection, site)
            group_ids = await history.add_devices(connection, site, alerts, 1, 10.0)
            await history.set_latest(connection, group_ids, 1, SystemClock().now(), _LEVEL - 10)
            await alert_rules.apply(connection, org_id, [_hot()], author="bench", origin="file")
            with running_alerting(database, f"smtp://127.0.0.1:{mails.port}", ops_port, environ, log) as alerting:
                await asyncio.to_thread(wait_until_ready, alerting, ops_port, log)
                await asyncio.sleep(2)
                tasks = [] if generator is None else _loading(generator, port, rate)
                await asyncio.sleep(5 if tasks else 0)
                before, began_s = await _committed(port), time.monotonic()
                committed_s, committed_at_s = {}, {}
                for number, group_id in enumerate(group_ids, 1):
                    await history.set_latest(connection, [group_id], 1, SystemClock().now(), _HOT)
                    committed_s[f"z{number:06d}"] = time.monotonic()
                    committed_at_s[f"z{number:06d}"] = SystemClock().now_ms() / 1000
                    await asyncio.sleep(_EVERY_S)
                messages_per_s = (await _committed(port) - before) / (time.monotonic() - began_s)
                with suppress(TimeoutError):
                    async with asyncio.timeout(30):
                        await mails.wait_for(alerts)
                for task in tasks:
                    task.cancel()
                stages = await history.alert_stages(connection)
    finally:
        mails.stop()
        if generator is not None:
            generator.end()
    took_s = sorted(mails.came_s[node] - at_s for node, at_s in committed_s.items() if node in mails.came_s)
    if not took_s:
        raise Unavailable(f"no email came; siloscope alerting said: {log.read_text()[-2000:]}")
    judged, claimed = (
        _stage([times[at] - committed_at_s[node] for node, times in stages.items() if node in mails.came_s])
        for at in range(2)
    )
    handed = _stage(took_s)
    return AlertLatency(alerts, len(took_s), handed.p50_s, handed.p99_s, took_s[-1], messages_per_s, judged, claimed)


def _stage(took_s: Sequence[float]) -> Stage:
    ordered = sorted(took_s)
    return Stage(*(ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99)))


def _hot() -> Rule:
    """An alert and a message for each node; critical ones are never held back."""
    return Rule(
        rule="hot",
        name="Hot",
        condition=Threshold(above=_LEVEL),
        select=Selector(nodes=("z*",)),
        severity=Severity.CRITICAL,
        group_by=("rule", "subject"),
    )


def _loading(generator: LoadGenerator, port: int, rate: float) -> "list[asyncio.Task[object]]":
    async def tell() -> None:
        while True:
            with suppress(OSError):
                generator.tell_committed(await _committed(port))
            await asyncio.sleep(0.1)

    return [asyncio.create_task(tell()), asyncio.create_task(generator.run(Phase(3600, rate)))]


async def _committed(port: int) -> int:
    (committed,) = await asyncio.to_thread(metric, port, MESSAGES)
    return int(committed)
