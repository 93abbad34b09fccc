"""`siloscope sim`: simulated instruments on real ports."""

import argparse
import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import structlog

from siloscope_firmware_sim import description, endpoints, world_file
from siloscope_firmware_sim.errors import SimulatorError
from siloscope_firmware_sim.farm import World, default_world_file
from siloscope_firmware_sim.faults.schedule import Fault, schedule
from siloscope_firmware_sim.lines.traffic import Meter
from siloscope_firmware_sim.memory import Memory
from siloscope_firmware_sim.simulator import Simulator, victims
from siloscope_process import logs
from siloscope_process.clock import SystemClock
from siloscope_process.command_line import Command
from siloscope_process.errors import WRONG_SETTING, Stop
from siloscope_process.metrics import process_registry
from siloscope_process.operations import Health, OperationsServer
from siloscope_process.settings import ServiceSettings, load
from siloscope_process.signals import run_until_stopped

_OPERATIONS_PORT = 9103
_A_DAY_S = 86_400.0
_log = structlog.get_logger(__name__)


class Settings(ServiceSettings, frozen=True, kw_only=True):
    """What the simulator can be told through the environment."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `siloscope sim`."""
    actions = parser.add_subparsers(dest="action", required=True)
    run = actions.add_parser("run", help="open the ports and answer until stopped")
    run.add_argument("--runtime-dir", type=Path, required=True, help="directory for endpoints.json, memory.json, tty/")
    run.add_argument("--endpoints", type=Path, help="endpoints.json of an earlier run: take its TCP ports where free")
    run.add_argument("--faults-seed", type=int, metavar="SEED", help="let things go wrong for a day, by this seed")
    run.add_argument("--faults-per-hour", type=float, default=30.0, help="how many then (30)")
    describe = actions.add_parser("describe", help="print what a world holds")
    describe.add_argument("--json", action="store_true", help="in the form of endpoints.json, without ports")
    for action in (run, describe):
        action.add_argument("--world", type=Path, default=default_world_file(), help="world file; the shipped farm")


def run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Do what the command line says."""
    try:
        world = world_file.load(args.world)
        if args.action == "describe":
            print(json.dumps(endpoints.described(world), indent=1) if args.json else description.text(world))
            return 0
        return _serve(world, args, load(Settings, environ))
    except SimulatorError as error:
        raise Stop(str(error), WRONG_SETTING) from error


def _serve(world: World, args: argparse.Namespace, settings: Settings) -> int:
    runtime_dir, earlier = args.runtime_dir, args.endpoints
    logs.configure("sim", style=settings.log, level=settings.log_level)
    registry, health, clock = process_registry(), Health(["ports"]), SystemClock()
    began_s = clock.monotonic_s()
    try:
        runtime_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stop(f"--runtime-dir {runtime_dir}: {error.strerror}; expected a directory to write in") from error
    simulator = Simulator(
        world,
        clock=clock,
        terminals=runtime_dir.resolve() / "tty",
        memory=Memory(runtime_dir / "memory.json"),
        wished_ports=endpoints.tcp_ports(earlier) if earlier else {},
        meter=Meter(registry),
        plan=_plan(world, clock.now_ms() / 1000, args.faults_seed, args.faults_per_hour),
    )
    operations = OperationsServer(health, settings.ops_port, registry, preferred_port=_OPERATIONS_PORT)

    async def serve(stop: asyncio.Event) -> int:
        await operations.start()
        try:
            await simulator.start()
            endpoints.write(runtime_dir / endpoints.FILE, endpoints.of(simulator))
            health.set("ports", ok=True, detail=f"{len(simulator.buses())} open")
            _log.info(
                "ports_open",
                world=world.name,
                buses=len(simulator.buses()),
                took_s=round(clock.monotonic_s() - began_s, 3),
            )
            await stop.wait()
        finally:
            await simulator.stop()
            await operations.stop()
        _log.info("stopped")
        return 0

    return run_until_stopped(serve)


def _plan(world: World, now_s: float, seed: int | None, per_hour: float) -> list[Fault]:
    """Return the faults of the next day; none without a seed."""
    if seed is None:
        return []
    planned = schedule(seed, _A_DAY_S, victims(world), per_hour=per_hour)
    return [replace(fault, at_s=now_s + fault.at_s) for fault in planned]


command = Command("run simulated instruments on real ports", configure, run)
