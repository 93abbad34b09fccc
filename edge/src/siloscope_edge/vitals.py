"""The agent's own vitals, published like any reading, in a retention class of their own."""

import os
import resource
import shutil
from pathlib import Path

from siloscope_contract.packs import Sample
from siloscope_edge.config import VITALS_DEVICE
from siloscope_edge.profiles import Channel

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
