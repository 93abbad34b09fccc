"""`siloscope api`: the HTTP API and the web page."""

import argparse
import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path

from siloscope_dashboards.app import create_app
from siloscope_dashboards.auth.key import signing_key
from siloscope_dashboards.auth.passwords import Passwords
from siloscope_dashboards.auth.sessions import Sessions
from siloscope_dashboards.auth.throttle import LoginThrottle
from siloscope_dashboards.auth.tokens import AccessTokens
from siloscope_dashboards.database import DatabaseAccounts, DatabaseChanges, DatabaseReadings, quieten
from siloscope_dashboards.database_alerts import DatabaseAlerts
from siloscope_dashboards.database_nodes import DatabaseNodes
from siloscope_dashboards.database_notifying import DatabaseNotifying
from siloscope_dashboards.database_retention import DatabaseRetention
from siloscope_dashboards.database_rules import DatabaseRules
from siloscope_dashboards.first_login import prepare
from siloscope_dashboards.listening import listen
from siloscope_dashboards.live.feed import Feed
from siloscope_dashboards.live.hub import Hub
from siloscope_dashboards.mending import DatabaseMending
from siloscope_dashboards.operations.metrics import Metrics
from siloscope_dashboards.page.assets import BUILT_AT, Assets
from siloscope_dashboards.serving import serve, url_of
from siloscope_dashboards.settings import Settings
from siloscope_dashboards.wiring import Wiring
from siloscope_process import logs
from siloscope_process.clock import SystemClock
from siloscope_process.command_line import Command
from siloscope_process.settings import load
from siloscope_process.signals import run_until_stopped
from siloscope_store.connections import Pool, async_pool

_APPLICATION = "siloscope api"
_LONGEST_STATEMENT_S = 10  # far beyond what a page asks for; a month of a channel takes 2 s


def configure(parser: argparse.ArgumentParser) -> None:
    """Everything is a setting: there are no arguments."""


def run(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = load(Settings, environ)
    logs.configure("api", style=settings.log, level=settings.log_level)
    listener = listen(settings.http_host, settings.http_port)
    with contextlib.closing(listener):
        told = prepare(settings.database_url, organisation=settings.organisation, home=settings.home)
        if told is not None:
            print(f"{told}\naddress: {url_of(listener)}", flush=True)

        async def main(stop: asyncio.Event) -> int:
            async with async_pool(
                settings.database_url, application_name=_APPLICATION, statement_timeout_s=_LONGEST_STATEMENT_S
            ) as pool:
                wiring = wire(pool, signing_key(settings.home), BUILT_AT)
                feed = Feed(wiring.changes, wiring.hub, wiring.clock, wiring.metrics)
                feeding = asyncio.ensure_future(feed.run())
                app = create_app(wiring)
                try:
                    await serve(app, listener, wiring.hub, stop, trusted_proxies=settings.trusted_proxies)
                finally:
                    feeding.cancel()
                    await asyncio.gather(feeding, return_exceptions=True)
            return 0

        return run_until_stopped(main)


def wire(pool: Pool, key: bytes, static: Path) -> Wiring:
    """Return the parts of the app over a database."""
    clock = SystemClock()
    quieten()
    accounts = DatabaseAccounts(pool)
    tokens = AccessTokens(key, clock)
    return Wiring(
        readings=DatabaseReadings(pool, clock),
        mending=DatabaseMending(pool, clock),
        alerts=DatabaseAlerts(pool, clock),
        rulebook=DatabaseRules(pool),
        notifying=DatabaseNotifying(pool),
        nodes=DatabaseNodes(pool),
        retention=DatabaseRetention(pool, clock),
        changes=DatabaseChanges(pool, clock),
        accounts=accounts,
        sessions=Sessions(accounts, tokens, Passwords(), LoginThrottle(clock), clock),
        tokens=tokens,
        hub=Hub(),
        metrics=Metrics(),
        assets=Assets(static),
        clock=clock,
    )


command = Command("serve the HTTP API and the web page", configure, run)
