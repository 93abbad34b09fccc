"""The agent's own vitals, published like any reading, in a retention class of their own."""

import os
import resource
import shutil
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Sample
from siloscope_edge.attendance import Attendance
from siloscope_edge.config import VITALS_DEVICE
from siloscope_edge.gauging import Gauges
from siloscope_edge.machine import Machine
from siloscope_edge.profiles import Channel
from siloscope_process.clock import Clock

CHANNELS = (
    Channel(key="uptime", title="Time since start", quantity="duration", unit="s", resolution=1),
    Channel(key="load", title="Load of the machine, 1 min", quantity="ratio", unit="/", resolution=0.01),
    Channel(key="disk_free", title="Free disk space", quantity="data_size", unit="B"),
    Channel(key="memory_peak", title="Most memory that the agent held", quantity="data_size", unit="B"),
    Channel(key="memory_available", title="Memory that programs can still have", quantity="data_size", unit="B"),
    Channel(
        key="cpu_temperature", title="Temperature of the processor", quantity="temperature", unit="Cel", resolution=0.1
    ),
    Channel(key="supply_low", title="Supply was too low: 1 yes, 0 no", quantity="count", unit="count"),
    Channel(key="packs_owed", title="Packs not yet committed", quantity="count", unit="count"),
    Channel(
        key="spool_share", title="Spool taken by what is not committed", quantity="ratio", unit="/", resolution=0.0001
    ),
    Channel(key="clock_offset", title="How far the wall clock is off", quantity="duration", unit="s", resolution=0.001),
)
_RESOLUTIONS = {"load": 2, "cpu_temperature": 1, "spool_share": 4, "clock_offset": 3}


def channels(machine: Machine) -> tuple[Channel, ...]:
    """Return the vitals that this machine can tell."""
    lacking = {"cpu_temperature"} if not machine.tells_temperature else set()
    lacking |= {"supply_low"} if not machine.tells_supply else set()
    return tuple(channel for channel in CHANNELS if channel.key not in lacking)


def sample(directory: Path, time_ms: int, uptime_s: float, packs_owed: int, gauges: Gauges, machine: Machine) -> Sample:
    """Return the state of machine and agent as a sample of the agent's own device; what is not known is left out."""
    low = machine.supply_was_low()
    known = {
        "uptime": round(uptime_s) + 0.0,
        "load": os.getloadavg()[0],
        "disk_free": shutil.disk_usage(directory).free,
        "memory_peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "memory_available": machine.memory_available_bytes(),
        "cpu_temperature": machine.cpu_temperature_c(),
        "supply_low": int(low) if low is not None else None,
        "packs_owed": packs_owed,
        "spool_share": gauges.spool_share,
        "clock_offset": gauges.clock_offset_s,
    }
    told = [(channel, value) for channel in CHANNELS if (value := known[channel.key]) is not None]
    return Sample(
        VITALS_DEVICE,
        time_ms,
        tuple(channel.key for channel, _ in told),
        tuple(channel.unit for channel, _ in told),
        [round(float(value), _RESOLUTIONS.get(channel.key, 6)) for channel, value in told],
        [0] * len(told),
    )


async def turns(
    clock: Clock, period_s: float, take_gap: Callable[[Gap], None], instant_ms: Callable[[], int]
) -> AsyncGenerator[float]:
    """Yield the seconds since the start whenever vitals are due.

    Turns that passed while the whole agent stood still are declared and left out: caught up in a burst, they would say
    what the machine was like at a time that they do not bear.
    """
    started_s = clock.monotonic_s()
    attendance = Attendance(period_s, started_s)
    while True:
        due_s, now_s = attendance.due_s, clock.monotonic_s()
        _, missed = attendance.take(now_s)
        if missed:
            now_ms = instant_ms()
            from_ms = now_ms - round(1000 * (now_s - due_s))
            take_gap(
                Gap(
                    GapKind.AGENT_OFF,
                    from_ms,
                    now_ms,
                    device=VITALS_DEVICE,
                    count=missed,
                    detail="the agent stood still",
                )
            )
        yield now_s - started_s
        await clock.sleep(attendance.due_s - clock.monotonic_s())
