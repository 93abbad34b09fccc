"""A subcommand's connection to the database, and whose alerts it is about."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from siloscope_alerting.settings import AlertingSettings
from siloscope_process.settings import load
from siloscope_store.alert_rules import organisation
from siloscope_store.connections import Connected, connect_async, one_line_refusals

ACTOR = "command:siloscope alerts"
_APPLICATION = "siloscope alerts"
Result = TypeVar("Result")
Work = Callable[[Connected, int], Awaitable[Result]]
"""What is done, over a connection in autocommit mode, for an organisation."""


def about(parser: argparse.ArgumentParser) -> None:
    """Let a person say whose alerts are meant."""
    parser.add_argument("--organisation", metavar="SLUG", help="where there are several")


def carried_out(arguments: argparse.Namespace, environ: Mapping[str, str], work: Work[Result]) -> Result:
    """Do the work.

    Raises:
        Stop: A setting is wrong, the database is away, or the organisation is unknown.
    """
    url = load(AlertingSettings, environ).database_url

    async def connected() -> Result:
        async with await connect_async(url, application_name=_APPLICATION, autocommit=True) as connection:
            return await work(connection, await organisation(connection, arguments.organisation))

    with one_line_refusals(url):
        return asyncio.run(connected())
