"""What the agent needs to read, judge, keep and publish what many Modbus TCP devices say, beside bare pymodbus.

Real broker, ingest and database, so that what is published is committed and leaves the outbox; devices in a process of
their own. What the agent used is what the kernel counts of its process.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from siloscope_benchmarks import edge_day, edge_site
from siloscope_benchmarks.collecting import Collector
from siloscope_benchmarks.edge_day import Day
from siloscope_benchmarks.edge_site import Site
from siloscope_benchmarks.parts import (
    EDGE,
    Broker,
    running_broker,
    running_database,
    running_edge,
    running_ingest,
)
from siloscope_benchmarks.resources import cpu_seconds, in_memory, peak_memory_mib
from siloscope_benchmarks.watching import metric, wait_until_ready
from siloscope_contract.packs import decode
from siloscope_deploy.servers.ports import free_port
from siloscope_edge.config import VITALS_DEVICE
from siloscope_edge.packing import READINGS_PER_PACK
from siloscope_process.errors import Unavailable

GOAL_SHARE, GOAL_MIB = 0.15, 90e6 / 2**20
_FLOATS_A_REQUEST = (50, 8)
_SETTLE_S = 5.0
_TRIED_S, _BARE_S = 10.0, 15.0
_FIRST_WITHIN_S = 60.0
_OWED, _MISSED = "siloscope_edge_owed_packs", "siloscope_edge_missed_polls_total"
_OWED_PACKS, _OWED_S = 20, 5.0
"""What is on its way, as packs of all sizes and as seconds of full ones."""
_LATE_SHARE, _DRIFT_SHARE = 0.5, 0.1
"""A sample that is half a period behind its grid is late; a grid that moved by a tenth of a period drifts."""


class Plan(msgspec.Struct, frozen=True):
    """What to measure.

    Attributes:
        seconds: How long each site is measured.
        devices: Of 100 floats each, read every second.
        highest: Whether to look for the most that one core sustains.
        database: Where it all goes.
        week_hours: How many hours of a typical site to run through the agent's memory; 0 = none.
        day_minutes: How long a typical site is run for its bytes a day; 0 = not at all.
    """

    seconds: float = 30
    devices: int = 100
    highest: bool = True
    database: str = "timescale"
    week_hours: float = 168
    day_minutes: float = 5


class Measured(msgspec.Struct):
    """What one site cost.

    Attributes:
        bare_share: What bare pymodbus used for the same registers, in cores; 0 where it was not compared.
        share: What the agent used, in cores.
        good: Readings of good quality, of those that were published.
        expected_samples: That the schedule asks for between the first and the last sample of each device.
        late_samples: Further than half a period behind their grid.
        drift_s: How far the last turns are from the grid of the first ones, the median over the devices.
        owed_packs: Not committed at the end.
    """

    site: Site
    seconds: float
    readings_per_s: float
    requests_per_s: float
    share: float
    bare_share: float
    times_bare: float
    memory_mib: float
    samples: int
    expected_samples: int
    late_samples: int
    drift_s: float
    missed_polls: int
    good: float
    owed_packs: int
    first_sample_s: float

    @property
    def keeps_up(self) -> bool:
        """Whether the schedule was kept and nothing piled up."""
        complete = self.samples >= self.expected_samples and not self.missed_polls and self.good == 1.0
        drifts = abs(self.drift_s) > _DRIFT_SHARE * self.site.period_s
        piles_up = self.owed_packs > _OWED_PACKS + _OWED_S * self.readings_per_s / READINGS_PER_PACK
        return complete and not drifts and not piles_up


class Result(msgspec.Struct):
    """What was measured.

    Attributes:
        met: Of each goal, whether it was met.
        highest: The site with the most readings a second at which one core kept the schedule.
        memory_in_time: Memory after an hour, a day and all hours of a typical site, without drivers and MQTT client.
        day: What a typical site sends and writes.
    """

    measured: list[Measured]
    highest: Measured | None
    tried: list[Measured]
    memory_in_time: dict[str, float]
    day: Day | None
    met: dict[str, bool]


def measure(plan: Plan, environ: Mapping[str, str], say: Callable[[str], None]) -> Result:
    """Start everything, measure one site after the other, and stop everything.

    Raises:
        Unavailable: Broker or database cannot be had here, or the agent publishes nothing.
    """
    sites = [Site(plan.devices, floats_a_request=at_once) for at_once in _FLOATS_A_REQUEST]
    with (
        running_database(plan.database, environ) as home,
        running_broker("mosquitto") as broker,
        TemporaryDirectory() as created,
    ):
        port, folder = free_port(), Path(created)
        with running_ingest(home, broker, port, environ, folder / "ingest.log") as ingest:
            wait_until_ready(ingest, port, folder / "ingest.log")
            bench = _Bench(broker, environ, folder, say)
            measured = [bench.measured(site, plan.seconds) for site in sites]
            tried = bench.climb(sites[0]) if plan.highest else []
            day = edge_day.measure(broker, plan.day_minutes, environ, say) if plan.day_minutes else None
    memory_in_time = _week(plan.week_hours, say) if plan.week_hours else {}
    kept = [each for each in tried if each.keeps_up]
    first = measured[0]
    met = {
        "share": first.share <= GOAL_SHARE and first.keeps_up,
        "memory": first.memory_mib <= GOAL_MIB,
    }
    highest = max(kept, key=lambda each: each.readings_per_s, default=None)
    return Result(measured, highest, tried, memory_in_time, day, met)


def table(result: Result) -> str:
    """Return the result for people."""
    lines = []
    for each in result.measured:
        lines += [
            f"{each.readings_per_s:,.0f} readings/s, {each.site.floats_a_request} floats a request: "
            f"{each.share:.1%} of a core, {each.memory_mib:.0f} MiB",
            f"  limit: bare pymodbus, the same registers, {each.bare_share:.1%} of a core; "
            f"{each.times_bare:.2f} times it",
            f"  {each.samples:,} of {each.expected_samples:,} samples, {each.late_samples} late, "
            f"drift {each.drift_s * 1000:.1f} ms; {each.good:.2%} good; {each.owed_packs} packs on their way",
            f"  start to first published sample {each.first_sample_s:.2f} s",
        ]
    if result.highest is not None:
        found = result.highest
        lines.append(
            f"one core sustains {found.readings_per_s:,.0f} readings/s: {found.share:.0%} of a core, "
            f"{found.memory_mib:.0f} MiB; bare pymodbus {found.bare_share:.0%}"
        )
    if result.memory_in_time:
        told = ", ".join(f"{name.removesuffix('_mib')} {mib:.0f}" for name, mib in result.memory_in_time.items())
        lines.append(f"memory of a typical site in MiB after: {told}")
    if result.day is not None:
        day = result.day
        lines.append(
            f"a day of {day.readings:,} readings: {day.sent_bytes / 1e6:.1f} MB sent, "
            f"{day.received_bytes / 1e6:.1f} MB received, {day.written_bytes / 1e6:.0f} MB written, "
            f"{day.share:.2%} of a core"
        )
    lines += [f"  goal {name}: {'met' if met else 'NOT MET'}" for name, met in result.met.items()]
    return "\n".join(lines)


class _Bench:
    def __init__(self, broker: Broker, environ: Mapping[str, str], folder: Path, say: Callable[[str], None]) -> None:
        self._broker, self._environ, self._folder, self._say = broker, environ, folder, say

    def climb(self, site: Site) -> list[Measured]:
        """Read ever faster until the schedule is not kept, then halve the step thrice; the best beside bare pymodbus.

        Returns:
            What was tried, of which the best alone was compared.
        """
        tried: list[Measured] = []
        rate, step = 4 * site.readings_per_s, 4 * site.readings_per_s
        while step >= site.readings_per_s / 2:
            faster = msgspec.structs.replace(site, period_s=site.devices * site.floats / rate)
            tried.append(self.measured(faster, _TRIED_S, compared=False))
            if not tried[-1].keeps_up:
                rate, step = rate - step, step / 2
            rate += step
        best = max((each for each in tried if each.keeps_up), key=lambda each: each.readings_per_s, default=None)
        if best is not None:
            with edge_site.answering(best.site) as ports:
                best.bare_share = self._bare(best.site, _TRIED_S, ports)
            best.times_bare = best.share / best.bare_share
        return tried

    def measured(self, site: Site, seconds: float, *, compared: bool = True) -> Measured:
        """Measure the agent at a site, and before it bare pymodbus."""
        with edge_site.answering(site) as ports:
            bare_share = self._bare(site, min(seconds, _BARE_S), ports) if compared else 0.0
            with TemporaryDirectory(dir=self._folder) as folder:
                return self._agent(site, seconds, ports, Path(folder), bare_share)

    def _bare(self, site: Site, seconds: float, ports: list[int]) -> float:
        self._say(f"bare pymodbus, {site.requests_per_s:,.0f} requests/s")
        arguments = [str(each) for each in (seconds, site.period_s, site.floats, site.floats_a_request)]
        command = [sys.executable, "-m", "siloscope_benchmarks.bare_modbus", *arguments, json.dumps(ports)]
        told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        return float(told["cpu_s"] / told["seconds"])

    def _agent(self, site: Site, seconds: float, ports: list[int], folder: Path, bare_share: float) -> Measured:
        port, log = free_port(), folder / "edge.log"
        config = edge_site.write(site, ports, self._broker, port, folder)
        collector = Collector(self._broker, EDGE)
        try:
            self._say(f"the agent, {site.readings_per_s:,.0f} readings/s")
            began_s = time.monotonic()
            with running_edge(config, self._environ, log) as edge:
                first_s = _first(collector, edge, log) - began_s
                time.sleep(_SETTLE_S)
                from_s, used_s = time.monotonic(), cpu_seconds(edge.pid)
                missed_before = _total(port, _MISSED)
                time.sleep(seconds)
                to_s, used_s = time.monotonic(), cpu_seconds(edge.pid) - used_s
                missed = _total(port, _MISSED) - missed_before
                (owed,) = metric(port, _OWED)
                memory_mib = peak_memory_mib(edge.pid)
        finally:
            collector.end()
        share = used_s / (to_s - from_s)
        packs = [payload for arrived_s, payload in collector.packs if from_s <= arrived_s <= to_s]
        return Measured(
            site=site,
            seconds=to_s - from_s,
            requests_per_s=site.requests_per_s,
            share=share,
            bare_share=bare_share,
            times_bare=share / bare_share if bare_share else 0.0,
            memory_mib=memory_mib,
            missed_polls=int(missed),
            owed_packs=int(owed),
            first_sample_s=first_s,
            **_kept_schedule(site, packs),
        )


def _kept_schedule(site: Site, packs: list[bytes]) -> dict[str, Any]:
    """Return what the published samples say of the schedule."""
    times: dict[str, list[int]] = {}
    good = readings = 0
    for payload in packs:
        for sample in decode(payload, received_ms=0).samples:
            if sample.device != VITALS_DEVICE:
                times.setdefault(sample.device, []).append(sample.time_ms)
                good += sample.quality.count(0)
                readings += len(sample.quality)
    expected = late = 0
    drifts = []
    span_s = 0.0
    for each in times.values():
        unique = sorted(set(each))  # a sample that was too large for one pack comes as two of one time
        period_ms = site.period_s * 1000
        span_s = max(span_s, (unique[-1] - unique[0]) / 1000)
        expected += round((unique[-1] - unique[0]) / period_ms) + 1
        behind = [at - unique[0] - turn * period_ms for turn, at in enumerate(unique)]
        floor = min(behind)
        late += sum(each - floor > _LATE_SHARE * period_ms for each in behind)
        half = len(behind) // 2
        drifts.append(_median(behind[half:]) - _median(behind[:half]))
    found = sum(len(set(each)) for each in times.values())
    return {
        "samples": found,
        "expected_samples": expected,
        "late_samples": late,
        "drift_s": _median(drifts) / 1000,
        "good": good / max(1, readings),
        "readings_per_s": found * site.floats / max(0.001, span_s + site.period_s),
    }


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0


def _first(collector: Collector, edge: "subprocess.Popen[bytes]", log: Path) -> float:
    deadline_s = time.monotonic() + _FIRST_WITHIN_S
    while not collector.packs:
        if time.monotonic() > deadline_s or edge.poll() is not None:
            raise Unavailable("the agent published nothing: " + log.read_text("utf-8", "replace")[-500:])
        time.sleep(0.01)
    return collector.packs[0][0]


def _week(hours: float, say: Callable[[str], None]) -> dict[str, float]:
    say(f"{hours:g} hours of a typical site, as fast as they go")
    with TemporaryDirectory(dir=in_memory()) as folder:
        command = [sys.executable, "-m", "siloscope_benchmarks.edge_week", str(hours), folder]
        told: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return {name: found for name, found in told.items() if name.endswith("_mib")}


def _total(port: int, name: str) -> float:
    return metric(port, name)[0]
