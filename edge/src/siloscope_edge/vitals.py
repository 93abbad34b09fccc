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
from siloscope_edge.profiles import Channel
from siloscope_process.clock import Clock

CHANNELS = (
    Channel(key="uptime", title="Time since start", quantity="duration", unit="s", resolution=1),
    Channel(key="load", title="Load of the machine, 1 min", quantity="ratio", unit="/", resolution=0.01),
    Channel(key="disk_free", title="Free disk space", quantity="data_size", unit="B"),
    Channel(key="memory_peak", title="Most memory that the agent held", quantity="data_size", unit="B"),
    Channel(key="packs_owed", title="Packs not yet committed", quantity="count", unit="count"),
)


def sample(directory: Path, time_ms: int, uptime_s: float, packs_owed: int) -> Sample:
    """Return the machine's and the agent's state as a sample of the agent's own device."""
    values = [
        round(uptime_s) + 0.0,
        round(os.getloadavg()[0], 2),
        float(shutil.disk_usage(directory).free),
        float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024),
        float(packs_owed),
    ]
    return Sample(
        VITALS_DEVICE,
        time_ms,
        tuple(channel.key for channel in CHANNELS),
        tuple(channel.unit for channel in CHANNELS),
        [*values],
        [0] * len(CHANNELS),
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
