"""`siloscope jobs`: what is done with stored samples by and by; any number may run, each job is done by one."""

import argparse
import asyncio
from collections.abc import Mapping

import uvloop

from siloscope_ingest.jobs import wiring
from siloscope_ingest.jobs.metrics import JobMetrics
from siloscope_ingest.jobs.runner import JobRunner, run_all
from siloscope_ingest.jobs.settings import JobsSettings
from siloscope_process import logs
from siloscope_process.clock import SystemClock
from siloscope_process.command_line import Command
from siloscope_process.metrics import process_registry
from siloscope_process.operations import Health, OperationsServer
from siloscope_process.settings import load
from siloscope_process.signals import run_until_stopped
from siloscope_store import schema
from siloscope_store.connections import connect, one_line_refusals
from siloscope_store.errors import DatabaseUnavailable

_OPS_PORT = 9104


def configure(parser: argparse.ArgumentParser) -> None:
    """Take no arguments: the jobs are told by environment variables."""


def run(_arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run until SIGTERM."""
    settings = load(JobsSettings, environ)
    logs.configure("jobs", style=settings.log, level=settings.log_level)
    _require_schema(settings.database_url)
    return run_until_stopped(lambda stop: _serve(settings, stop), loop_factory=uvloop.new_event_loop)


command = Command("roll up, retain and archive what is stored", configure, run)


async def _serve(settings: JobsSettings, stop: asyncio.Event) -> int:
    registry = process_registry()
    clock, metrics = SystemClock(), JobMetrics(registry)
    jobs = wiring.jobs(settings, clock, metrics)
    health = Health([job.name for job in jobs])
    operations = OperationsServer(health, settings.ops_port, registry, preferred_port=_OPS_PORT)
    await operations.start()
    try:
        await run_all([JobRunner(job, settings.database_url, clock, health, metrics) for job in jobs], stop)
    finally:
        await operations.stop()
    return 0


def _require_schema(url: str) -> None:
    """Stop where the schema is not ours; a database that is merely away is waited for later."""
    try:
        with one_line_refusals(url), connect(url, application_name="siloscope jobs") as connection:
            schema.require_current(connection)
    except DatabaseUnavailable:
        return
