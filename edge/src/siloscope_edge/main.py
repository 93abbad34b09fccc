"""The ``siloscope edge`` command: run the agent, check a configuration, look into the spool. Wires, decides nothing."""

import argparse
import asyncio
import logging
import os
import sys
import threading
from asyncio import Event, Task, create_task, get_running_loop
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from siloscope_contract.topics import NodeName
from siloscope_edge import checking, inspection, installation
from siloscope_edge.agent import Agent
from siloscope_edge.alarms import command as alarm_command
from siloscope_edge.directory import claimed
from siloscope_edge.doctor import arguments as doctor_arguments
from siloscope_edge.errors import Misconfigured, SpoolFull, SpoolUnusable
from siloscope_edge.installation import Installation
from siloscope_edge.remote import local_bundle
from siloscope_edge.remote.identifying import LedBeacon, LogBeacon
from siloscope_edge.remote.log_ring import LogRing
from siloscope_edge.remote.office import Remote
from siloscope_edge.remote.site_file import SiteFile
from siloscope_edge.remote.standing import Standing
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
        *alarm_command.ACTIONS.items(),
        ("doctor", doctor_arguments.SUMMARY),
        ("diagnostics", "write everything that shows what ails this agent, without secrets, as JSON"),
    ):
        action = actions.add_parser(name, help=summary, description=summary)
        if name == "doctor":
            doctor_arguments.configure(action)
            continue
        action.add_argument("--config", type=Path, required=True, metavar="FILE", help="the agent's YAML file")
        if name == "check":
            action.add_argument("--no-read", action="store_true", help="only check the files; ask no device")
        if name in alarm_command.ACTIONS:
            alarm_command.configure(action, name)
        if name == "spool":
            action.add_argument("--json-lines", action="store_true", help="one JSON object a line")
        if name == "diagnostics":
            action.add_argument("--output", type=Path, metavar="FILE", help="where to; the screen unless told")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the chosen subcommand."""
    if args.action == "doctor":
        from siloscope_edge.doctor import command as doctor  # an agent carries on without it

        return doctor.run(args)
    try:
        found = installation.read(args.config)
        if args.action == "check":
            installation.password(found.config.mqtt)
            return _check(found, read=not args.no_read)
        if args.action in alarm_command.ACTIONS:
            return _alarms(found, args, environ)
        if args.action == "spool":
            return _print_spool(found, json_lines=args.json_lines)
        if args.action == "diagnostics":
            return _write_diagnostics(found, args.output)
        return _run_agent(args.config, found, environ)
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


def _alarms(found: Installation, args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    told = settings.load(Settings, environ)
    logs.configure("edge", style=told.log, level=told.log_level)

    async def tell() -> None:
        async for line in alarm_command.lines(found, args, SystemClock()):
            print(line, flush=True)

    async def do(stop: Event) -> int:
        telling, stopping = create_task(tell()), create_task(stop.wait())
        await asyncio.wait([telling, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        telling.cancel()  # it lets go of what it switched on
        try:
            await telling
        except asyncio.CancelledError:
            raise Unavailable("broken off") from None
        return 0

    return run_until_stopped(do)


def _run_agent(file: Path, found: Installation, environ: Mapping[str, str]) -> int:
    told = settings.load(Settings, environ)
    logs.configure("edge", style=told.log, level=told.log_level)
    password = installation.password(found.config.mqtt)
    ring = LogRing([password or ""])
    logging.getLogger().addHandler(ring)
    port = told.ops_port if told.ops_port is not None else found.config.operations_port
    directory = Path(found.config.data_directory)
    restarts = []

    async def main(stop: Event) -> int:
        standing = Standing(SiteFile(file), directory)
        counting = standing.begin()
        remote = Remote(standing, directory, ring, (LogBeacon(), LedBeacon()))
        traces = _traces(told, found.config.node_name)
        agent = Agent(counting, password, SystemClock(), port, Supervisor.of(environ), traces, remote)
        _answer_locally(agent, directory)
        exit_code = [1]  # unless all is committed by the time that a stop may take
        guard = create_task(_end_in_time(stop, exit_code))
        try:
            exit_code[0] = await agent.run(stop)
            return exit_code[0]
        finally:
            guard.cancel()
            restarts.append(agent.restarts)

    with claimed(directory):
        exit_code = run_until_stopped(main)
    if any(restarts) and exit_code == 0:
        # The same process for whoever supervises it, and nothing of the old one is left in it.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - our own command, once more
    return exit_code


def _answer_locally(agent: Agent, directory: Path) -> None:
    answering = set[Task[None]]()

    def asked() -> None:
        if agent.office is not None:
            answering.add(create_task(local_bundle.answer(agent.office, directory)))

    get_running_loop().add_signal_handler(local_bundle.ASKS, asked)


def _write_diagnostics(found: Installation, output: Path | None) -> int:
    text = msgspec.json.format(msgspec.json.encode(local_bundle.fetch(found))).decode() + "\n"
    if output is None:
        sys.stdout.write(text)
        return 0
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise WrongSetting(f"--output {output}: {error.strerror}; expected a file that can be written") from error
    return 0


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
