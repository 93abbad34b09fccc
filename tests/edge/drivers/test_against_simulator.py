"""Each shipped profile reads its simulated instrument on a real port, from the configuration file to the value."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
import yaml

from siloscope_contract.quality import Quality
from siloscope_edge import installation
from siloscope_edge.checking import DryRun
from siloscope_edge.errors import Trouble
from siloscope_firmware_sim.instruments.davis_vantage import DavisVantage, Seen
from siloscope_firmware_sim.instruments.field_probes import Soil, loop_8ch, soil_7in1
from siloscope_firmware_sim.instruments.line_talkers import Air, GillWindsonic, NmeaWeather, Wind
from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.instruments.sdi12_adapter import Sdi12Adapter
from siloscope_firmware_sim.instruments.sdm120 import Mains, Sdm120
from siloscope_firmware_sim.instruments.vaisala_probes import Humidity, gmp252, hmp
from siloscope_firmware_sim.instruments.weather_stations import Weather, compact, wsc11
from siloscope_firmware_sim.lines.pseudo_terminal import PseudoTerminal
from siloscope_firmware_sim.lines.rtu import RtuLine
from siloscope_firmware_sim.lines.stream import Instrument, StreamServer, StreamTerminal
from siloscope_firmware_sim.lines.tcp import TcpLine
from siloscope_firmware_sim.lines.tcp_terminal import RtuOverTcp
from siloscope_firmware_sim.modbus.bus import SerialBus, Slave
from siloscope_firmware_sim.modbus.gateway import Gateway
from siloscope_process.clock import SystemClock
from tests.edge.drivers.fake_line import Tally

Told = dict[str, float | str]
"""For each channel its value, or the reason why there is none."""

WEATHER = Weather(3.27, 271, -4.4, 83.2, -6.8, 1013, lux=70_500, rain_mm=12.4, solar_w_m2=420)
NOTHING = Weather(None, None, None, None, None, None)
CONSOLE = Seen(29.894, 73.6, 54, 53.1, 54, 10, 306, 37, rain_clicks=12, rain_clicks_h=5)
AIR = Air(1023.6, 17.7, 43.3, 5.0, Wind(131.5, 0.4))
SOIL = Soil(65.8, -10.1, 1000, 6.5, (30, 20, 10))
DAMP = Humidity(61.4, 21.37, 13.6, 11.5, None, 16.4)


class Line(Protocol):
    """A port of the simulator."""

    @property
    def address(self) -> dict[str, object]: ...
    async def open(self) -> None: ...
    async def close(self) -> None: ...


class Uncounted:
    """Counts nothing."""

    def request(self, *, answered: bool) -> None: ...


class Bench:
    """Simulated instruments on ports, and what an edge reads there."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.tally = Tally()
        self.ports = AsyncExitStack()

    async def rtu(self, slave: Slave, baud: int = 9600) -> dict[str, object]:
        """Put a slave on a pseudo-terminal."""
        terminal = PseudoTerminal(self.directory / "tty", baud=baud)
        return await self._opened(RtuLine(terminal, SerialBus([slave], baud=baud), baud=baud, traffic=Uncounted()))

    async def rtu_tcp(self, slave: Slave) -> dict[str, object]:
        """Put a slave behind a terminal server."""
        return await self._opened(RtuOverTcp(SerialBus([slave], baud=19200), baud=19200, traffic=Uncounted()))

    async def tcp(self, slave: Slave) -> dict[str, object]:
        """Put a slave behind a gateway."""
        gateway = Gateway(SerialBus([slave], baud=19200))
        line = TcpLine("bench", gateway, port=0, wished_port=0, clock=SystemClock(), traffic=Uncounted())
        return await self._opened(line)

    async def serial(self, instrument: Instrument, baud: int) -> dict[str, object]:
        """Put any other instrument on a pseudo-terminal."""
        terminal = PseudoTerminal(self.directory / "tty", baud=baud)
        return await self._opened(StreamTerminal(terminal, instrument, baud=baud, traffic=Uncounted()))

    async def server(self, instrument: Instrument) -> dict[str, object]:
        """Put it behind a TCP port."""
        return await self._opened(StreamServer("bench", instrument, traffic=Uncounted()))

    async def _opened(self, line: Line) -> dict[str, object]:
        await line.open()
        self.ports.push_async_callback(line.close)
        return line.address

    def configured(self, kind: str, address: dict[str, object], profile: str, /, **device: Any) -> Path:
        """Write a configuration that reads one instrument there."""
        bus = {"name": "bench", kind: address, "devices": [{"name": "probe", "profile": profile, **device}]}
        config = {"organisation": "demo", "site": "yard", "node": "pi", "mqtt": {"host": "127.0.0.1"}}
        file = self.directory / "edge.yaml"
        file.write_text(yaml.safe_dump({**config, "data_directory": "data", "buses": [bus]}))
        return file

    async def told(self, kind: str, address: dict[str, object], profile: str, /, **device: Any) -> Told:
        """Return what the edge reads."""
        found = installation.read(self.configured(kind, address, profile, **device))
        (instrument,) = found.instruments["bench"]
        bus = found.drivers["bench"].bus(found.config.buses[0].line, [instrument], SystemClock(), self.tally)
        await bus.open()
        try:
            readings = await bus.read(instrument)
        finally:
            bus.close()
        keys = [channel.key for channel in instrument.profile.channels]
        return {
            key: reading.value if reading.value is not None else Quality(reading.quality).reason
            for key, reading in zip(keys, readings, strict=True)
        }


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(tmp_path)
    async with made.ports:
        yield made


COMPACT = {
    "wind_speed": 3.27, "wind_force": 0, "wind_direction": 271, "humidity": 83.2, "temperature": -4.4, "noise": 0,
    "pressure": 1013, "illuminance": 70500, "rain": 12.4, "solar": 420,
}  # fmt: skip
THIES = {
    "wind_speed": 3.3, "wind_direction": 271, "temperature": -4.4, "humidity": 83.2, "dew_point": -6.8,
    "pressure": 1013,
}  # fmt: skip


@pytest.mark.parametrize(
    ("slave", "profile", "device", "expected"),
    [
        (
            lambda: gmp252(lambda: 812.4, lambda: 21.37),
            "vaisala-gmp250",
            {"unit_id": 240},
            {"co2": 812, "temperature": 21.4},
        ),
        (
            lambda: gmp252(lambda: None, lambda: 21.0),
            "vaisala-gmp250",
            {"unit_id": 240},
            {"co2": "not_a_number", "temperature": 21},
        ),
        (
            lambda: hmp(lambda: DAMP),
            "vaisala-hmp",
            {"unit_id": 240},
            {
                "humidity": 61.4,
                "temperature": 21.37,
                "dew_point": 13.6,
                "absolute_humidity": 0.0115,
                "mixing_ratio": "not_a_number",
                "wet_bulb": 16.4,
            },
        ),
        (lambda: compact(1, lambda: WEATHER), "compact-weather", {"unit_id": 1}, COMPACT),
        (
            lambda: compact(1, lambda: WEATHER, speed_steps=10),
            "compact-weather",
            {"unit_id": 1, "options": {"firmware": "older"}},
            {**COMPACT, "wind_speed": 3.3},
        ),
        (lambda: wsc11(3, lambda: WEATHER), "wsc11", {"unit_id": 3}, THIES),
        (
            lambda: wsc11(3, lambda: WEATHER, first=30000),
            "wsc11",
            {"unit_id": 3, "options": {"addressing": "one_less"}},
            THIES,
        ),
        (lambda: wsc11(3, lambda: NOTHING), "wsc11", {"unit_id": 3}, dict.fromkeys(THIES, "sensor_missing")),
        (
            lambda: soil_7in1(1, lambda: SOIL),
            "soil-7in1",
            {"unit_id": 1},
            {
                "moisture": 0.658,
                "temperature": -10.1,
                "conductivity": 0.1,
                "acidity": 6.5,
                "nitrogen": 30,
                "phosphorus": 20,
                "potassium": 10,
            },
        ),
        (
            lambda: Sdm120(7, lambda: Mains(240.3, 10.5, 2170.0, 60.02, 123.45)),
            "sdm230",
            {"unit_id": 7},
            {
                "voltage": 240.3,
                "current": 10.5,
                "power": 2170,
                "power_factor": 0.86,
                "frequency": 60.02,
                "energy_import": 123.45,
                "energy_export": 0,
            },
        ),
        (
            lambda: loop_8ch(5, lambda: [4.0, 12.0, 20.0, 3.7, 3.5, 21.2]),
            "loop-8ch",
            {"unit_id": 5},
            {
                "input1": 0,
                "input2": 0.5,
                "input3": 1,
                "input4": "out_of_range",
                **dict.fromkeys(["input5", "input6", "input7", "input8"], "sensor_missing"),
            },
        ),
    ],
)
@pytest.mark.parametrize("over", ["rtu", "rtu_tcp", "tcp"])
async def test_a_modbus_instrument_is_read_with_its_profile(
    bench: Bench, slave: Callable[[], Slave], profile: str, device: dict[str, object], expected: Told, over: str
) -> None:
    address = await {"rtu": bench.rtu, "rtu_tcp": bench.rtu_tcp, "tcp": bench.tcp}[over](slave())
    assert await bench.told(f"modbus_{over}", address, profile, **device) == expected
    assert bench.tally == []


DAVIS = {
    "pressure": 1012.3, "temperature_inside": 23.1, "humidity_inside": 54, "temperature": 11.7, "humidity": 54,
    "dew_point": 2.8, "wind_speed": 4.5, "wind_direction": 306, "wind_speed_10min": "sensor_missing",
    "wind_gust": "sensor_missing", "rain_day": 2.4, "rain_rate": 1.0, "solar": "sensor_missing",
    "uv": "sensor_missing", "console_battery": 4.79,
}  # fmt: skip


async def test_a_davis_console_is_read_over_its_serial_line_and_over_tcp(bench: Bench) -> None:
    console = DavisVantage(lambda: CONSOLE)
    assert await bench.told("davis", await bench.serial(console, 19200), "davis-vantage") == DAVIS
    address = await bench.server(DavisVantage(lambda: CONSOLE))
    inches = await bench.told("davis_tcp", address, "davis-vantage", options={"rain_click": "0.01 in"})
    assert inches == {**DAVIS, "rain_day": 3.0, "rain_rate": 1.3}
    assert bench.tally == []


async def test_an_old_davis_console_is_read_without_loop2(bench: Bench) -> None:
    address = await bench.server(DavisVantage(lambda: CONSOLE, knows_loop2=False))
    old = await bench.told("davis_tcp", address, "davis-vantage-pro")
    assert old == {key: value for key, value in DAVIS.items() if key not in ("dew_point", "wind_gust")}
    assert bench.tally == []


@pytest.mark.parametrize(
    ("wind", "expected"),
    [
        (Wind(235, 0.77), {"wind_direction": 235, "wind_speed": 0.77}),
        (Wind(None, 0.02), {"wind_direction": "sensor_missing", "wind_speed": 0.02}),
        (Wind(None, None), {"wind_direction": "device_exception", "wind_speed": "device_exception"}),
    ],
)
async def test_a_gill_anemometer_is_listened_to_or_called(bench: Bench, wind: Wind, expected: Told) -> None:
    address = await bench.serial(GillWindsonic(lambda: wind, letter="A", polled=True), 19200)
    assert await bench.told("ascii", address, "gill-windsonic", address="A", listening=False) == expected
    await bench.ports.aclose()
    address = await bench.serial(GillWindsonic(lambda: wind), 19200)
    assert await bench.told("ascii", address, "gill-windsonic") == expected
    assert bench.tally == []


async def test_an_nmea_instrument_is_listened_to(bench: Bench) -> None:
    address = await bench.serial(NmeaWeather(lambda: AIR), 4800)
    assert await bench.told("ascii", address, "nmea-weather") == {
        "pressure": 1023.6,
        "temperature": 17.7,
        "humidity": 43.3,
        "dew_point": 5.0,
        "wind_direction": 131.5,
        "wind_speed": 0.4,
    }
    assert await bench.told("ascii", address, "nmea-wind") == {"wind_direction": 131.5, "wind_speed": 0.4}


async def test_an_nmea_instrument_that_feels_nothing_reads_nothing(bench: Bench) -> None:
    blind = Air(None, None, None, None, Wind(None, None))
    address = await bench.serial(NmeaWeather(lambda: blind), 4800)
    assert set((await bench.told("ascii", address, "nmea-weather")).values()) == {"sensor_missing"}
    assert set((await bench.told("ascii", address, "nmea-wind")).values()) == {"device_exception"}


@pytest.mark.parametrize("echoes", [False, True])
async def test_sdi12_sensors_are_read_behind_one_adapter(bench: Bench, echoes: bool) -> None:
    sensors = {"0": lambda: [2458.5, 21.3, 412.0], "1": lambda: [-9999.0, -5.25, 0.0]}
    address = await bench.serial(Sdi12Adapter(sensors, seconds=1, echoes=echoes), 9600)
    assert await bench.told("sdi12", address, "sdi12-soil", address="0") == {
        "moisture_counts": 2458.5,
        "temperature": 21.3,
        "conductivity": 0.0412,
    }
    assert await bench.told("sdi12", address, "sdi12-soil", address="1") == {
        "moisture_counts": "sensor_missing",
        "temperature": -5.2,
        "conductivity": 0,
    }
    assert bench.tally.kinds == [Trouble.ECHO] * 4 * echoes


async def test_the_dry_run_reads_each_device_and_names_those_that_do_not_answer(bench: Bench) -> None:
    address = await bench.rtu(R4dcb08(1, lambda: [21.9, None]))
    file = bench.configured("modbus_rtu", address, "r4dcb08", unit_id=1)
    config = yaml.safe_load(file.read_text())
    config["buses"][0]["devices"].append({"name": "absent", "profile": "r4dcb08", "unit_id": 2})
    file.write_text(yaml.safe_dump(config))
    dry = DryRun(installation.read(file), SystemClock())
    async with asyncio.timeout(10):
        lines = [line async for line in dry.lines()]
    assert lines[0].startswith("bench/probe: answered in ")
    assert lines[1].split() == ["t1", "21.9", "Cel"]
    assert lines[2].split() == ["t2", "bad:", "sensor_missing"]
    assert lines[-1] == "bench/absent: FAILED: no answer within 1 s, asked 3 times (no_answer)"
    assert dry.failed == ["absent"]


async def test_the_dry_run_names_a_port_that_is_not_there(bench: Bench) -> None:
    file = bench.configured("modbus_rtu", {"port": "/dev/none"}, "r4dcb08", unit_id=1)
    dry = DryRun(installation.read(file), SystemClock())
    assert ["FAILED" in line and "/dev/none" in line async for line in dry.lines()] == [True]
