"""`siloscope ingest`: write what the broker brings to the database, then acknowledge."""

import argparse
import asyncio
import gc
import logging
from collections.abc import Mapping, Sequence

import structlog
import uvloop

import siloscope_native as native
from siloscope_ingest.errors import Fatal, Transient
from siloscope_ingest.metrics import Metrics
from siloscope_ingest.ports import Traces
from siloscope_ingest.retiring import retire
from siloscope_ingest.service import Ingest
from siloscope_ingest.settings import IngestSettings
from siloscope_process import broker_url, logs
from siloscope_process.clock import Clock, SystemClock
from siloscope_process.command_line import Command
from siloscope_process.errors import Unavailable, WrongSetting
from siloscope_process.metrics import process_registry
from siloscope_process.operations import Health, OperationsServer
from siloscope_process.settings import load
from siloscope_process.signals import run_until_stopped
from siloscope_store import schema
from siloscope_store.connections import connect, one_line_refusals
from siloscope_store.errors import DatabaseUnavailable

_OPS_PORT = 9101
_log = structlog.get_logger(__name__)


def configure(parser: argparse.ArgumentParser) -> None:
    """Ingest is told by environment variables; the one argument is for a worker that does not come back."""
    parser.add_argument(
        "--retire",
        metavar="WORKER",
        help="instead of running: commit what the broker keeps for this worker (it must not run), and end its session",
    )


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run until SIGTERM, or until a worker is retired."""
    if arguments.retire is not None:
        environ = {**environ, "SILOSCOPE_INGEST_WORKER": arguments.retire}
    settings = load(IngestSettings, environ)
    brokers = broker_url.parse_all(settings.mqtt_url, _password(settings))
    logs.configure("ingest", style=settings.log, level=settings.log_level)
    logging.getLogger("gmqtt").setLevel(logging.ERROR)  # our own log says what its connections do
    _require_schema(settings.database_url)
    if arguments.retire is not None:
        return run_until_stopped(lambda stop: _retire(settings, brokers, stop))
    _collect_garbage_rarely()
    return run_until_stopped(lambda stop: _serve(settings, brokers, stop), loop_factory=uvloop.new_event_loop)


command = Command("write what the broker brings to the database, then acknowledge", configure, run)


async def _serve(settings: IngestSettings, brokers: Sequence[broker_url.BrokerUrl], stop: asyncio.Event) -> int:
    health = Health(["database", "broker"] if settings.nats_url is None else ["database", "broker", "stream"])
    clock = SystemClock()
    traces = _traces(settings, clock)
    registry = process_registry()
    operations = OperationsServer(health, settings.ops_port, registry, preferred_port=_OPS_PORT)
    await operations.start()
    _say_whether_compiled()
    try:
        await Ingest(settings, brokers, clock, health, Metrics(registry), traces).run(stop)
    except Fatal as error:
        raise WrongSetting(str(error)) from error
    finally:
        await operations.stop()
        if traces is not None:
            await asyncio.to_thread(traces.close)
    return 0


async def _retire(settings: IngestSettings, brokers: Sequence[broker_url.BrokerUrl], stop: asyncio.Event) -> int:
    try:
        await retire(settings, brokers, SystemClock(), Metrics(process_registry()), stop)
    except Transient as error:
        raise Unavailable(str(error)) from error
    except Fatal as error:
        raise WrongSetting(str(error)) from error
    print(f"worker {settings.ingest_worker} is retired: what waited for it is committed, its session is ended")
    return 0


def _say_whether_compiled() -> None:
    if native.IS_COMPILED:
        _log.info("compiled_code", used=True)
    else:
        _log.warning(
            "compiled_code", used=False, reason=native.OBSTACLE, effect="a message costs more of the processor"
        )


def _traces(settings: IngestSettings, clock: Clock) -> Traces | None:
    if settings.traces_url is None:
        return None
    from siloscope_ingest.otlp import OtlpExporter  # the SDK costs time and memory that few want to pay
    from siloscope_ingest.tracing import PackTraces
    from siloscope_process.otlp import Collector

    exporter = OtlpExporter(Collector(settings.traces_url))
    return PackTraces(exporter, settings.traces_every, settings.ingest_worker, clock)


def _password(settings: IngestSettings) -> str | None:
    path = settings.mqtt_password_file
    if path is None:
        return None
    try:
        return (path.read_text("utf-8").splitlines() or [""])[0].strip()
    except OSError as error:
        raise WrongSetting(f"SILOSCOPE_MQTT_PASSWORD_FILE: cannot read {path}: {error.strerror}") from error


def _collect_garbage_rarely() -> None:
    """Messages under way are no garbage, and nothing here makes cycles: looking through them took much of the time.

    As many objects as all messages that may be held are made of are no reason to look.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(400_000, 20, 100)


def _require_schema(url: str) -> None:
    """Stop where the schema is not ours; a database that is merely away is waited for later."""
    try:
        with one_line_refusals(url), connect(url, application_name="siloscope ingest") as connection:
            schema.require_current(connection)
    except DatabaseUnavailable:
        return
