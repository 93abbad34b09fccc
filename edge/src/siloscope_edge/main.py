"""The ``siloscope edge`` command: run the agent, check a configuration, look into the spool. Wires, decides nothing."""

import argparse
import asyncio
import os
import sys
import threading
from asyncio import Event, create_task
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from siloscope_contract.topics import NodeName
from siloscope_edge import checking, inspection, installation
from siloscope_edge.agent import Agent
from siloscope_edge.directory import claimed
from siloscope_edge.errors import Misconfigured, SpoolFull, SpoolUnusable
from siloscope_edge.installation import Installation
from siloscope_edge.supervision import Supervisor
from siloscope_process import logs, settings
from siloscope_process.clock import SystemClock
from siloscope_process.command_line import Command
from siloscope_process.errors import Unavailable, WrongSetting
from siloscope_process.settings import ServiceSettings
from siloscope_process.signals import run_until_stopped

if TYPE_CHECKING:
    from siloscope_edge.tracing import PackTraces

STOP_WITHIN_S = 4.5
"""A name server or a disk that hangs may not hold the stop up: all that matters is on disk by then."""


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """What the agent is told by its environment; the rest stands in its configuration file."""

    traces_url: Annotated[
        str | None,
        Meta(description="http://host:4318/v1/traces of an OpenTelemetry collector (OTLP/HTTP); unset = no traces"),
    ] = None
    traces_every: Annotated[int, Meta(description="Every how manieth pack of an epoch is traced", ge=1)] = 1000


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    actions = parser.add_subparsers(dest="action", required=True)
    for name, summary in (
        ("run", "read the instruments and publish what they say"),
        ("check", "check a configuration, print what would be read, and read each device once"),
        ("spool", "print every reading and gap record that is in the spool"),
    ):
        action = actions.add_parser(name, help=summary, description=summary)
        action.add_argument("--config", type=Path, required=True, metavar="FILE", help="the agent's YAML file")
        if name == "check":
            action.add_argument("--no-read", action="store_true", help="only check the files; ask no device")
        if name == "spool":
            action.add_argument("--json-lines", action="store_true", help="one JSON object a line")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the chosen subcommand."""
    try:
        found = installation.read(args.config)
        if args.action == "check":
            installation.password(found.config.mqtt)
            return _check(found, read=not args.no_read)
        if args.action == "spool":
            return _print_spool(found, json_lines=args.json_lines)
        return _run_agent(found, environ)
    except Misconfigured as error:
        raise WrongSetting(str(error)) from error


def _check(found: Installation, *, read: bool) -> int:
    for line in checking.described(found):
        print(line)
    dry = checking.DryRun(found, SystemClock())

    async def ask() -> None:
        async for line in dry.lines():
            print(line, flush=True)

    if read:
        asyncio.run(ask())
    if dry.failed:
        raise Unavailable(f"no good reading from {', '.join(dry.failed)}; expected one of each device")
    return 0


def _run_agent(found: Installation, environ: Mapping[str, str]) -> int:
    told = settings.load(Settings, environ)
    logs.configure("edge", style=told.log, level=told.log_level)
    password = installation.password(found.config.mqtt)
    port = told.ops_port if told.ops_port is not None else found.config.operations_port

    async def main(stop: Event) -> int:
        traces = _traces(told, found.config.node_name)
        agent = Agent(found, password, SystemClock(), port, Supervisor.of(environ), traces)
        exit_code = [1]  # unless all is committed by the time that a stop may take
        guard = create_task(_end_in_time(stop, exit_code))
        try:
            exit_code[0] = await agent.run(stop)
            return exit_code[0]
        finally:
            guard.cancel()

    with claimed(Path(found.config.data_directory)):
        return run_until_stopped(main)


def _traces(told: Settings, node: NodeName) -> "PackTraces | None":
    if told.traces_url is None:
        return None
    from siloscope_edge.tracing import PackTraces  # what posts them takes time to import
    from siloscope_process.otlp import Collector

    return PackTraces(Collector(told.traces_url), told.traces_every, node, SystemClock())


async def _end_in_time(stop: Event, exit_code: list[int]) -> None:
    await stop.wait()
    timer = threading.Timer(STOP_WITHIN_S, lambda: os._exit(exit_code[0]))
    timer.daemon = True
    timer.start()


def _print_spool(found: Installation, *, json_lines: bool) -> int:
    try:
        for record in inspection.records(Path(found.config.data_directory)):
            if json_lines:
                sys.stdout.write(msgspec.json.encode(record).decode() + "\n")
            else:
                print(*msgspec.structs.astuple(record), sep="\t")
    except BrokenPipeError:  # the reader has seen enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (SpoolUnusable, SpoolFull) as error:
        raise Unavailable(f"spool in {found.config.data_directory}: {error}") from error
    return 0


command = Command(summary="read instruments and publish what they say, losing nothing", configure=configure, run=run)
