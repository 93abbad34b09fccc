"""A card put back to an older image, a cloned card beside its original, a database put back to an hour-old backup.

The whole agent on virtual time. No number is used twice (the database refuses that), and nothing is deleted that the
database does not hold.
"""

import asyncio
import copy
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml

from siloscope_contract.packs import decode
from siloscope_edge import installation
from siloscope_edge.agent import Agent
from siloscope_edge.epochs import ordinal_of, seq_of
from siloscope_edge.spans import Spans
from siloscope_edge.spool_file import FILE_NAME, connect
from siloscope_edge.spool_reading import read_epochs
from siloscope_firmware_sim.faults.schedule import Faults
from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.lines.rtu import RtuLine
from siloscope_firmware_sim.modbus.bus import SerialBus
from tests.edge.fake_ingest import FakeDatabase
from tests.edge.soak import virtual_time
from tests.edge.soak.broker import Broker
from tests.edge.soak.kernel import Kernel
from tests.edge.soak.ports import Ports, UsbTerminal
from tests.edge.soak.virtual_time import VirtualClock, VirtualLoop
from tests.edge.soak.yard import Uncounted

Pair = tuple[str, int]
MINUTE_S = 60.0
HOUR_S = 3600.0


class Card:
    """A card with an agent on it, in a computer with a line of its own.

    Args:
        directory: Its file system.
        site: Where it runs.
        keep_s: How long it keeps what is committed.
    """

    def __init__(self, directory: Path, site: "Site", keep_s: float) -> None:
        self.directory = directory
        self._site = site
        self._keep_s = keep_s
        self._stop = asyncio.Event()
        self._task: asyncio.Task[int] | None = None

    @property
    def data(self) -> Path:
        """Where its spool is."""
        return self.directory / "data"

    async def start(self) -> None:
        """Switch it on."""
        self.data.mkdir(parents=True, exist_ok=True)
        file = self.directory / "edge.yaml"
        device = {"name": "head", "profile": "r4dcb08", "unit_id": 1, "period_s": 5}
        document = {
            "organisation": "demo",
            "site": "yard",
            "node": "pi",
            "mqtt": {"host": "broker"},
            "data_directory": "data",
            "operations_port": 0,
            "spool": {"keep_committed_s": self._keep_s},
            "vitals_period_s": None,
            "buses": [{"name": "line", "modbus_rtu": {"port": await self._site.new_port()}, "devices": [device]}],
        }
        file.write_text(yaml.safe_dump(document))
        agent = Agent(installation.read(file), None, VirtualClock(self._site.kernel.wall_ms), 0)
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(agent.run(self._stop))

    async def stop(self) -> None:
        """Switch it off in good order."""
        self._stop.set()
        assert self._task is not None
        assert await self._task == 0

    async def image(self, name: str) -> Path:
        """Copy what is on it just now."""
        copied = self.directory.parent / name
        shutil.copytree(self.directory, copied, ignore=shutil.ignore_patterns("*.sock"))
        return copied

    def missing(self, database: FakeDatabase) -> set[Pair]:
        """Return the numbers that it assigned and that are neither on it, nor held, nor declared."""
        connection = connect(self.data / FILE_NAME, read_only=True)
        states = read_epochs(connection)
        names = {state.ordinal: str(state.epoch) for state in states}
        numbers = [number for (number,) in connection.execute("SELECT number FROM pack")]
        connection.close()
        here = {(names[ordinal_of(number)], seq_of(number)) for number in numbers}
        return {
            (str(state.epoch), seq)
            for state in states
            for seq in range(1, state.next)
            if (str(state.epoch), seq) not in here and seq not in database.accounted.get(str(state.epoch), Spans())
        }

    def packs(self) -> int:
        """Return how many packs it has."""
        connection = connect(self.data / FILE_NAME, read_only=True)
        (count,) = connection.execute("SELECT count(*) FROM pack").fetchone()
        connection.close()
        return int(count)


class Site:
    """Instruments, a broker, a database, on virtual time."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.kernel = Kernel()
        self.kernel.power_up(error_s=0)
        self.kernel.synchronise()
        self.database = FakeDatabase()
        self.broker = Broker(Faults(), 1, self.database)
        self._ports = Ports()
        self._lines: list[RtuLine] = []

    async def new_port(self) -> str:
        """Return a serial port with a head behind it."""
        terminal = UsbTerminal(str(len(self._lines)), 1)
        self._ports.plug(terminal)
        head = R4dcb08(1, lambda: [self.loop.time() % 80] * 8)
        line = RtuLine(terminal, SerialBus([head], baud=9600), baud=9600, traffic=Uncounted())
        await line.open()
        self._lines.append(line)
        return terminal.device

    def go_back(self, backup: FakeDatabase) -> None:
        """Put the database back to a backup, as another generation of it."""
        self.database.held, self.database.accounted = backup.held, backup.accounted
        self.database.answered, self.database.generation = list(backup.answered), "second"
        self.broker.tell()

    @contextmanager
    def open(self) -> Iterator[None]:
        """Stand in for the machine's ports, its clock, and the way to the broker."""
        brokering = asyncio.create_task(self.broker.run())
        with (
            patch("serial.Serial", self._ports.opened),
            patch("serial.serial_for_url", self._ports.opened),
            patch("siloscope_edge.agent.connector", self.broker.connector),
            patch("siloscope_edge.agent.source_for", lambda settings, clock: self.kernel),
        ):
            yield
        brokering.cancel()


def lived(life: Callable[[Site], Awaitable[None]]) -> None:
    """Run a story at a site."""

    async def run() -> None:
        site = Site()
        with site.open():
            await life(site)

    virtual_time.run(run)


def instants(database: FakeDatabase) -> list[int]:
    return [each.time_ms for payload in database.held.values() for each in decode(payload, received_ms=0).samples]


@pytest.mark.parametrize("keep_s", [0.0, 7 * 86_400.0])
def test_a_card_put_back_to_an_older_image_uses_no_number_twice(tmp_path: Path, keep_s: float) -> None:
    async def life(site: Site) -> None:
        card = Card(tmp_path / "card", site, keep_s)
        await card.start()
        await asyncio.sleep(20 * MINUTE_S)
        image = await card.image("image")
        await asyncio.sleep(30 * MINUTE_S)
        await card.stop()
        epochs = {epoch for epoch, _ in site.database.held}
        again = Card(image, site, keep_s)
        await again.start()
        await asyncio.sleep(30 * MINUTE_S)
        await again.stop()
        await asyncio.sleep(2)
        assert {epoch for epoch, _ in site.database.held} > epochs, "a start opens an epoch of its own"
        assert card.missing(site.database) == again.missing(site.database) == set()
        times = instants(site.database)
        assert len(times) == len(set(times)) > 80 * 11

    lived(life)


@pytest.mark.parametrize("keep_s", [0.0, 7 * 86_400.0])
def test_a_cloned_card_runs_beside_its_original_and_neither_loses_anything(tmp_path: Path, keep_s: float) -> None:
    async def life(site: Site) -> None:
        card = Card(tmp_path / "card", site, keep_s)
        await card.start()
        await asyncio.sleep(10 * MINUTE_S)
        clone = Card(await card.image("clone"), site, keep_s)
        await clone.start()
        await asyncio.sleep(HOUR_S)
        await card.stop()
        await clone.stop()
        await asyncio.sleep(2)
        assert len({epoch for epoch, _ in site.database.held}) == 2
        assert card.missing(site.database) == clone.missing(site.database) == set()
        for each in (card, clone):
            assert (each.packs() < 400) == (keep_s == 0), "what is committed goes, and only that"

    lived(life)


def test_after_an_hour_old_backup_everything_is_offered_again(tmp_path: Path) -> None:
    async def life(site: Site) -> None:
        card = Card(tmp_path / "card", site, 7 * 86_400.0)
        await card.start()
        await asyncio.sleep(HOUR_S)
        backup = copy.deepcopy(site.database)
        await asyncio.sleep(HOUR_S)
        before = dict(site.database.held)
        site.go_back(backup)
        assert len(before) - len(site.database.held) > 500
        await asyncio.sleep(3 * MINUTE_S)
        assert before.items() <= site.database.held.items()
        await card.stop()

    lived(life)


def test_what_was_trimmed_before_the_database_went_back_is_declared_by_number(tmp_path: Path) -> None:
    async def life(site: Site) -> None:
        card = Card(tmp_path / "card", site, 0.0)
        await card.start()
        await asyncio.sleep(HOUR_S)
        backup = copy.deepcopy(site.database)
        await asyncio.sleep(HOUR_S)
        before = set(site.database.held)
        site.go_back(backup)
        await asyncio.sleep(3 * MINUTE_S)
        await card.stop()
        await asyncio.sleep(2)
        assert before - set(site.database.held), "nothing was trimmed: the test proves nothing"
        assert card.missing(site.database) == set()

    lived(life)
