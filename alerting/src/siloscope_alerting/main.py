"""`siloscope alerting`: evaluate rules and send what they say; any number may run, one holds the lease and works."""

import argparse
import asyncio
from collections.abc import Mapping

import uvloop

from siloscope_alerting.notify.service import http_client, senders
from siloscope_alerting.settings import AlertingSettings
from siloscope_alerting.wiring import APPLICATION, Alerting
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

_OPS_PORT = 9108


def configure(parser: argparse.ArgumentParser) -> None:
    """Take no arguments: the service is told by environment variables."""


def run(_arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run until SIGTERM."""
    settings = load(AlertingSettings, environ)
    logs.configure("alerting", style=settings.log, level=settings.log_level)
    _require_schema(settings.database_url)
    return run_until_stopped(lambda stop: _serve(settings, stop), loop_factory=uvloop.new_event_loop)


command = Command("evaluate rules and send what they say", configure, run)


async def _serve(settings: AlertingSettings, stop: asyncio.Event) -> int:
    health, clock, registry = Health(["database"]), SystemClock(), process_registry()
    operations = OperationsServer(health, settings.ops_port, registry, preferred_port=_OPS_PORT)
    async with http_client() as client:
        senders(settings, client, clock)  # a mail server that cannot be meant stops here, not at the first alert
        await operations.start()
        try:
            await Alerting(settings, clock, health, registry).run(stop, client)
        finally:
            await operations.stop()
    return 0


def _require_schema(url: str) -> None:
    """Stop where the schema is not ours; a database that is merely away is waited for later."""
    try:
        with one_line_refusals(url), connect(url, application_name=APPLICATION) as connection:
            schema.require_current(connection)
    except DatabaseUnavailable:
        return
