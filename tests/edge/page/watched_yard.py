"""A yard to look at: its poller, spool, keeper and board are real; a test moves its instruments, link and clocks."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import yaml
from msgspec import json
from prometheus_client import CollectorRegistry

from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality
from siloscope_edge import installation
from siloscope_edge.clock_guard import ClockGuard
from siloscope_edge.config import SpoolLimits
from siloscope_edge.errors import PortUnavailable, ReadFailed, Trouble
from siloscope_edge.instruments import Instrument
from siloscope_edge.keeper import Keeper
from siloscope_edge.metrics import Metrics
from siloscope_edge.outbox import Outbox, Windows
from siloscope_edge.page.admission import Admission
from siloscope_edge.page.board import Board
from siloscope_edge.page.documents import Json
from siloscope_edge.page.page_settings import PageSettings
from siloscope_edge.page.routes import Routes
from siloscope_edge.page.station import Station
from siloscope_edge.polling import Poller
from siloscope_edge.readings import Reading, failed
from siloscope_edge.sender import Sender
from siloscope_edge.spool import Spool
from siloscope_process.clock import ManualClock
from siloscope_process.http_messages import Answer, Request
from siloscope_process.operations import Health
from tests.edge.fake_kernel import FakeKernel

TRUE_MS = 1_790_000_000_000
PERIOD_S = 5.0
DEVICES = ("bin-1", "bin-2")
KEYS = [f"t{level}" for level in range(1, 9)]
SECRET = "correct-horse-battery"


class FakeBus:
    """Two temperature heads whose readings a test sets; a dead one says nothing."""

    def __init__(self) -> None:
        self.is_open = False
        self.present = True
        self.dead: set[str] = set()
        self.refusing: set[str] = set()
        self.readings: dict[str, list[Reading]] = {each: [Reading(20.0 + at, 0) for at in range(8)] for each in DEVICES}

    async def open(self) -> None:
        if not self.present:
            raise PortUnavailable("/dev/ttyUSB0: no such port")
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        if not self.present:
            raise PortUnavailable("/dev/ttyUSB0: gone")
        if instrument.name in self.dead:
            raise ReadFailed(Quality.COMM_FAILURE, "unit 1: no answer", answered=False)
        if instrument.name in self.refusing:
            raise ReadFailed(Quality.DEVICE_EXCEPTION, "unit 1: exception 2", answered=True)
        return self.readings[instrument.name]


class WatchedYard:
    """Everything that a station looks at.

    Args:
        directory: For the configuration and the spool.
        synchronised: Whether the clock is right from the start.
        page: What the configuration says of the page.
    """

    def __init__(self, directory: Path, *, synchronised: bool = True, page: PageSettings | None = None) -> None:
        self.directory = directory
        self.page = page or PageSettings()
        self.installation = _installation(directory)
        self.kernel = FakeKernel(TRUE_MS)
        self.kernel.synchronised = synchronised
        self.clock = ManualClock(TRUE_MS)
        self.metrics, self.health = Metrics(CollectorRegistry()), Health(["spool", "link"])
        self.health.set("spool", True)
        self.health.set("link", False, "127.0.0.1:1: refused")
        config = self.installation.config
        self.guard = ClockGuard(self.kernel, config.clock)
        self.guard.stamp()
        self.spool = Spool(directory, SpoolLimits(), self.guard.instant_ms(), self.kernel.boot)
        self.keeper = Keeper(self.spool, SpoolLimits(), self.clock, self.metrics, self.health, self.guard)
        self.outbox = Outbox(Windows(), self.spool.owed())
        self.link = SimpleNamespace(connected_at_s=None, lost_at_s=0.0, confirmed_at_s=None)
        self.bus = FakeBus()
        self.board = Board(16, self.page.history_bytes)
        self.poller = Poller(
            "heads",
            self.bus,
            self.installation.instruments["heads"],
            self.clock,
            self.keeper.take,
            self.keeper.take_gap,
            self.metrics,
            self.kernel.boot_ms,
            self.board,
        )
        self.station = Station(
            lambda: self.installation,
            self.board,
            self.clock,
            self.guard,
            self.keeper,
            self.outbox,
            cast(Sender, self.link),
            self.metrics,
            self.health,
        )
        self.board.expect(self.station.channels())
        self.routes = Routes(lambda: self.station, Admission(self.page, "yard-pi"), self.clock)

    async def poll(self, turns: int = 1) -> None:
        """Read each device so often, a period apart; the last time now."""
        if self.poller not in self.board.pollers:
            self.board.begins(self.poller)
        for turn in range(turns):
            if turn:
                self.pass_time(PERIOD_S)
            for instrument, attendance in self.poller.turns:
                await self.poller.turn(instrument, attendance)

    def pass_time(self, seconds: float) -> None:
        """Let time pass: nobody is read meanwhile."""
        self.kernel.pass_time(seconds)
        self.clock.advance(seconds)

    def fail(self, device: str, at: int, quality: Quality) -> None:
        """Let one channel fail from now on."""
        self.bus.readings[device][at] = failed(quality)

    def trouble(self, device: str, kind: Trouble) -> None:
        """Let something go wrong on the line."""
        self.board.trouble(device, kind)

    async def answer(
        self, path: str, parameters: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask from near by."""
        asked = {"host": "yard-pi.local", **(headers or {})}
        return await self.routes.respond(Request("GET", path, parameters or {}, asked, "192.168.1.7"))

    async def told(self, path: str, **parameters: str) -> Json:
        """Return a document, made anew."""
        self.clock.advance(0.0)
        self.routes._kept.clear()
        document: Json = json.decode((await self.answer(path, parameters)).body)
        return document

    async def device(self, name: str) -> Json:
        """Return what the status says of a device."""
        devices: list[Json] = (await self.told("/status.json"))["buses"][0]["devices"]
        return next(each for each in devices if each["name"] == name)

    async def channel(self, device: str, key: str) -> Json:
        """Return the last value of a channel, with the age of its device's reading."""
        found: Json = (await self.told("/values.json", device=device))["devices"][0]
        channel = next(each for each in found["channels"] if each["key"] == key)
        return {**channel, "age_s": found["age_s"], "stale": (found["age_s"] or 0) > found["stale_after_s"]}

    async def spooled(self, samples: Sequence[Sample]) -> None:
        """Put samples into the spool, as an earlier start did."""
        for sample in samples:
            self.keeper.take(sample)
        await self.keeper.flush()

    async def close(self) -> None:
        """Close the spool."""
        await asyncio.wait_for(self.keeper.close(), 5)


def _installation(directory: Path) -> installation.Installation:
    (directory / "password").write_text(SECRET)
    devices = [
        {"name": name, "profile": "r4dcb08", "unit_id": at, "period_s": PERIOD_S, "title": f"Bin {at} cable"}
        for at, name in enumerate(DEVICES, start=1)
    ]
    document = {
        "organisation": "demo",
        "site": "north-farm",
        "node": "yard-pi",
        "mqtt": {"host": "127.0.0.1", "port": 1, "username": "node.demo", "password_file": "password"},
        "data_directory": ".",
        "clock": {"source": "system"},
        "buses": [{"name": "heads", "modbus_tcp": {"host": "127.0.0.1", "port": 2}, "devices": devices}],
    }
    file = directory / "edge.yaml"
    file.write_text(yaml.safe_dump(document))
    return installation.read(file)
