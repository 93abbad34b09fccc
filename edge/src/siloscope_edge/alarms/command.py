"""``siloscope edge alarm-test`` and ``alarm-reset``: through the running agent, or without one by themselves."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from siloscope_edge.alarms.actuator import Actuator, Switch
from siloscope_edge.alarms.control import LONGEST_TEST_S, Request, Told, asked
from siloscope_edge.alarms.machine import Phase
from siloscope_edge.alarms.memory import recalled
from siloscope_edge.alarms.outputs import Output
from siloscope_edge.alarms.switches import Visit, switch_for
from siloscope_edge.alarms.trial import outputs_named, tried
from siloscope_edge.directory import claimed
from siloscope_edge.errors import ActionFailed
from siloscope_edge.guarding import GuardedBus
from siloscope_edge.installation import Installation
from siloscope_edge.instruments import Instrument
from siloscope_edge.metrics import Metrics
from siloscope_process.clock import Clock
from siloscope_process.errors import Unavailable, WrongSetting
from siloscope_process.expectations import nearest

_log = structlog.get_logger(__name__)
ACTIONS = {
    "alarm-test": "switch an alarm's outputs on and off again, and say whether they obeyed",
    "alarm-reset": "let go of an alarm that is latched",
}


def configure(action: argparse.ArgumentParser, name: str) -> None:
    """Add the arguments of one of the two."""
    action.add_argument("name", metavar="NAME", help="an alarm of the file, or an output")
    if name == "alarm-test":
        action.add_argument(
            "--for", dest="for_s", type=float, default=3.0, metavar="SECONDS", help="how long they stay on (3)"
        )


async def lines(found: Installation, args: argparse.Namespace, clock: Clock) -> AsyncIterator[str]:
    """Do it, and yield what there is to say.

    Raises:
        WrongSetting: There is no such name, or the time is none.
        Unavailable: An output did not obey, or there is no agent to ask.
    """
    test = args.action == "alarm-test"
    request = Request("test" if test else "reset", args.name, getattr(args, "for_s", 0.0))
    if not 0 <= request.for_s <= LONGEST_TEST_S:
        raise WrongSetting(f"--for: found {request.for_s:g}, expected 0 to {LONGEST_TEST_S:g} seconds")
    names = _names(found, args.name, test=test)
    if not names:
        raise WrongSetting(f"{args.name}: it switches nothing; expected an alarm with outputs")
    failed = []
    async for told in _told(found, request, names, clock):
        yield told.line
        failed += [told.line] if not told.well else []
    if failed:
        raise Unavailable("; ".join(failed))


def _names(found: Installation, name: str, *, test: bool) -> list[str]:
    rules = found.config.alarms
    outputs = [each.name for each in found.outputs] if test else []
    try:
        names = outputs_named(name, rules, outputs)
    except KeyError:
        known = [*(rule.name for rule in rules), *outputs]
        expected = nearest(known, name) if known else "alarms in the file"
        raise WrongSetting(f"NAME: found {name!r}, expected {expected}") from None
    return names if test else [name]


async def _told(found: Installation, request: Request, names: list[str], clock: Clock) -> AsyncIterator[Told]:
    directory = Path(found.config.data_directory)
    try:
        async for told in asked(directory, request):
            yield told
        return
    except OSError:
        if request.do == "reset":
            raise Unavailable("no agent is running here; what is latched is reset in a running one") from None
    with claimed(directory):
        async for told in _alone(found, names, request.for_s, clock):
            yield told


async def _alone(found: Installation, names: list[str], for_s: float, clock: Clock) -> AsyncIterator[Told]:
    """Try outputs without an agent: this process has the ports."""
    ports = _Ports(found, clock)
    metrics = Metrics(CollectorRegistry())
    switches = {each.name: ports.switch(each) for each in found.outputs if each.name in names}
    # It was off before the test, as far as anybody knows: only what is written here is of interest.
    actuators = {
        each.name: Actuator(each, switches[each.name], clock, metrics, lambda: None, known=False)
        for each in found.outputs
        if each.name in names
    }
    for name in _left_on(found):
        if name in actuators:
            actuators[name].want(on=True)
    running = [asyncio.create_task(each.run()) for each in actuators.values()]
    try:
        async for well, line in tried(actuators, for_s, clock):
            yield Told(well, line)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await _let_go(
            {name: switches[name] for name, each in actuators.items() if not each.wanted and each.is_on is not False}
        )
        ports.close()


def _left_on(found: Installation) -> set[str]:
    """Return the outputs that the agent left on when it ended, because an alarm is open: a test silences none."""
    phases = recalled(Path(found.config.data_directory)).phases
    is_open = [rule for rule in found.config.alarms if phases.get(rule.name, Phase.CALM).switches]
    return {name for rule in is_open for name in rule.switches}


async def _let_go(switches: Mapping[str, Switch]) -> None:
    """Switch off what a test that was broken off left on, at once: nobody else is here to do it."""
    for name, switch in switches.items():
        try:
            await switch.set(on=False)
        except ActionFailed as error:
            _log.error("output_left", output=name, detail=str(error))


class _Ports:
    """The ports of an installation, each opened when it is needed."""

    def __init__(self, found: Installation, clock: Clock) -> None:
        self._found = found
        self._clock = clock
        self._ports: dict[str, tuple[GuardedBus, asyncio.Lock]] = {}

    def switch(self, output: Output) -> Switch:
        return switch_for(output, self._owner, str(self._found.config.node_name), lambda: ["test"])

    def close(self) -> None:
        for port, _ in self._ports.values():
            port.close()

    def _owner(self, device: str) -> tuple[Visit, Instrument]:
        for bus in self._found.config.buses:
            instruments = self._found.instruments[bus.name]
            for instrument in instruments:
                if instrument.name == device:
                    driver = self._found.drivers[bus.name]
                    if bus.name not in self._ports:
                        port = GuardedBus(bus, driver, instruments, self._clock, lambda _device, _trouble: None)
                        self._ports[bus.name] = port, asyncio.Lock()
                    return self._visit(bus.name), instrument
        raise AssertionError("an output's device is configured")

    def _visit(self, bus: str) -> Visit:
        port, lock = self._ports[bus]

        async def visit(work: Any, within_s: float) -> Any:
            async with lock, asyncio.timeout(within_s):
                if not port.is_open:
                    await port.open()
                return await work(port)

        return visit
