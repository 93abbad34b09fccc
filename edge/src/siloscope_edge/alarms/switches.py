"""The two kinds of switches: a point of a device, written by the owner of its bus, and a URL."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from siloscope_contract.quality import Quality
from siloscope_edge.alarms import calls
from siloscope_edge.alarms.actuator import Switch
from siloscope_edge.alarms.outputs import CallOutput, DeviceOutput, Output
from siloscope_edge.errors import ActionFailed, PortUnavailable, ReadFailed
from siloscope_edge.instruments import Instrument
from siloscope_edge.ports import InstrumentBus, OutputBus

T = TypeVar("T")
Visit = Callable[[Callable[[InstrumentBus], Awaitable[Any]], float], Awaitable[Any]]
"""Has something done with a port between two polls, within so many seconds."""
Owner = Callable[[str], tuple[Visit, Instrument] | None]
"""Tells who has the port of a device now."""
_WITHIN_S = 60.0
_QUIET_S = 0.1
Why = Callable[[], Sequence[str]]
"""Tells which alarms want an output on."""


class BusSwitch:
    """A point of a device.

    Args:
        output: It.
        owner: Tells who has the port.
    """

    def __init__(self, output: DeviceOutput, owner: Owner) -> None:
        self.tells = output.read_back
        self.costs_s = 0.0
        self._output = output
        self._owner = owner

    async def set(self, *, on: bool) -> None:
        await self._ask(lambda bus, instrument: bus.switch(instrument, self._output, on=on))

    async def is_on(self) -> bool | None:
        return await self._ask(lambda bus, instrument: bus.is_on(instrument, self._output))

    async def _ask(self, ask: Callable[[OutputBus, Instrument], Awaitable[T]]) -> T:
        found = self._owner(self._output.device)
        if found is None:
            raise ActionFailed(Quality.COMM_FAILURE, f"device {self._output.device} is not read now")
        visit, instrument = found
        self.costs_s = instrument.profile.limits.timeout_s + _QUIET_S

        async def asked(bus: InstrumentBus) -> T:
            if not isinstance(bus, OutputBus):
                raise ActionFailed(Quality.BAD, f"device {self._output.device} can switch nothing")
            return await ask(bus, instrument)

        try:
            answer: T = await visit(asked, _WITHIN_S)
        except PortUnavailable as error:
            raise ActionFailed(Quality.COMM_FAILURE, str(error)) from error
        except ReadFailed as error:
            raise ActionFailed(error.quality, str(error)) from error
        except TimeoutError as error:
            raise ActionFailed(Quality.COMM_FAILURE, f"the bus was busy for {_WITHIN_S:g} s") from error
        return answer


class CallSwitch:
    """A URL that is called.

    Args:
        output: It.
        node: Whose call it is.
        why: Tells which alarms want it on.
    """

    tells = False
    costs_s = 0.0

    def __init__(self, output: CallOutput, node: str, why: Why) -> None:
        self._output = output
        self._node = node
        self._why = why

    async def set(self, *, on: bool) -> None:
        output = self._output
        call = output.switch_on if on else output.switch_off
        if call is None:
            return
        said = {"node": self._node, "output": output.name, "on": on, "alarms": list(self._why())}
        await calls.made(call, said, timeout_s=output.timeout_s, allow_public=output.allow_public)

    async def is_on(self) -> bool | None:
        return None


def switch_for(output: Output, owner: Owner, node: str, why: Why) -> Switch:
    """Return the switch of an output.

    Args:
        output: It.
        owner: Tells who has the port of a device.
        node: Whose it is.
        why: Tells which alarms want it on.
    """
    if isinstance(output, CallOutput):
        return CallSwitch(output, node, why)
    assert isinstance(output, DeviceOutput), "an output is of a device or a URL"
    return BusSwitch(output, owner)
