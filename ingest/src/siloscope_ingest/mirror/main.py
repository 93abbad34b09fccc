"""`siloscope mirror`: write every stored sample to an InfluxDB as well; any number may run, one does it."""

import argparse
import asyncio
from collections.abc import Mapping

from siloscope_ingest.jobs.metrics import JobMetrics
from siloscope_ingest.jobs.runner import JobRunner, run_all
from siloscope_ingest.mirror.endpoint import InfluxEndpoint
from siloscope_ingest.mirror.job import MirrorJob
from siloscope_ingest.mirror.metrics import MirrorMetrics
from siloscope_ingest.mirror.settings import MirrorSettings
from siloscope_process import logs
from siloscope_process.clock import SystemClock
from siloscope_process.command_line import Command
from siloscope_process.errors import WrongSetting
from siloscope_process.metrics import process_registry
from siloscope_process.operations import Health, OperationsServer
from siloscope_process.settings import load
from siloscope_process.signals import run_until_stopped
from siloscope_store import schema
from siloscope_store.connections import connect, one_line_refusals
from siloscope_store.errors import DatabaseUnavailable

_OPS_PORT = 9107


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the one argument; the rest is told by environment variables."""
    parser.add_argument("--again", action="store_true", help="send points once more that were refused and set aside")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run until SIGTERM."""
    settings = load(MirrorSettings, environ)
    token = _token(settings)
    logs.configure("mirror", style=settings.log, level=settings.log_level)
    _require_schema(settings.database_url)
    return run_until_stopped(lambda stop: _serve(settings, token, stop, again=arguments.again))


command = Command("write every sample to an InfluxDB as well", configure, run)


async def _serve(settings: MirrorSettings, token: str, stop: asyncio.Event, *, again: bool) -> int:
    registry, clock = process_registry(), SystemClock()
    endpoint = InfluxEndpoint(
        settings.mirror_url, settings.mirror_org, settings.mirror_bucket, token, settings.mirror_timeout_s
    )
    job = MirrorJob(
        endpoint,
        clock,
        MirrorMetrics(registry),
        since=settings.mirror_since,
        points=settings.mirror_points,
        again=again,
    )
    health = Health([job.name])
    operations = OperationsServer(health, settings.ops_port, registry, preferred_port=_OPS_PORT)
    await operations.start()
    try:
        await run_all([JobRunner(job, settings.database_url, clock, health, JobMetrics(registry))], stop)
    finally:
        endpoint.close()
        await operations.stop()
    return 0


def _token(settings: MirrorSettings) -> str:
    path = settings.mirror_token_file
    if path is None:
        return settings.mirror_token or ""
    try:
        return (path.read_text("utf-8").splitlines() or [""])[0].strip()
    except OSError as error:
        raise WrongSetting(f"SILOSCOPE_MIRROR_TOKEN_FILE: cannot read {path}: {error.strerror}") from error


def _require_schema(url: str) -> None:
    """Stop where the schema is not ours; a database that is merely away is waited for later."""
    try:
        with one_line_refusals(url), connect(url, application_name="siloscope mirror") as connection:
            schema.require_current(connection)
    except DatabaseUnavailable:
        return
