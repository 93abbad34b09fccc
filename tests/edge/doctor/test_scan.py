"""A collision, a bad line and a device with a wrong checksum are told apart, and from one another."""

import random

import pytest

from siloscope_edge.doctor.exchange import Outcome
from siloscope_edge.doctor.findings import Ended, Findings, Presence
from siloscope_edge.doctor.framing import rtu_frame
from siloscope_edge.doctor.scan import in_order, presence
from siloscope_edge.doctor.survey import Questions, survey
from siloscope_edge.errors import Trouble
from siloscope_firmware_sim.modbus.bus import SerialBus
from tests.edge.doctor.simulated_bus import QuickClock, Registers, SimulatedBus

ALIVE = Outcome(bytes.fromhex("83 02"), took_s=0.02)
TWICE = Outcome(bytes.fromhex("03 02 00 db"), again=True, took_s=0.02)
TORN = Outcome(b"", Trouble.WRONG_CHECKSUM, bytes.fromhex("010302000000 00"), 0.3)
SWAPPED = Outcome(b"", Trouble.WRONG_CHECKSUM, bytes.fromhex("01030200DB1FF8"), 0.3)
QUIET = Outcome(b"", Trouble.NO_ANSWER, b"", 0.3)


@pytest.mark.parametrize(
    ("outcomes", "others", "expected"),
    [
        ([ALIVE, ALIVE], True, Presence.DEVICE),
        ([ALIVE, QUIET], True, Presence.DEVICE),
        ([ALIVE, TORN], True, Presence.UNSTEADY),
        ([ALIVE, TWICE], True, Presence.TWO_DEVICES),
        ([TORN, TORN], True, Presence.TWO_DEVICES),
        ([TORN, TORN], False, Presence.GARBLED),
        ([SWAPPED, SWAPPED], True, Presence.SWAPPED_CHECKSUM),
    ],
)
def test_what_is_at_a_unit_id(outcomes: list[Outcome], expected: Presence, *, others: bool) -> None:
    found, note = presence(outcomes, others_are_fine=others)
    assert found is expected
    assert bool(note) is (expected is not Presence.DEVICE)


def test_usual_unit_ids_come_first_and_each_once() -> None:
    order = in_order(range(1, 256))
    assert order[:4] == (1, 2, 3, 4)
    assert set(order[:10]) >= {240, 247, 254, 255}
    assert sorted(order) == list(range(1, 256))


async def surveyed(bus: SimulatedBus, clock: QuickClock) -> Findings:
    return await survey(bus, Questions(units=(1, 2, 3), tables=("holding",), rounds=1), clock, within_s=600)


async def test_two_devices_that_overlay_one_another_are_told_from_a_bad_line() -> None:
    """What both drive at once is read as the low bits of either: the simulator's own collision, every request."""

    class Pair:
        def __init__(self, unit: int, words: dict[int, int]) -> None:
            self.device = self
            self.unit = unit
            self.functions = frozenset((3,))
            self.most_registers = 125
            self._words = words

        def words(self, function: int) -> dict[int, int]:
            return self._words

        def write(self, address: int, values: object) -> None:
            raise AssertionError("nothing is ever written")

        def hears(self, unit_id: int, pdu: bytes) -> bool:
            return unit_id == self.unit

        def unasked(self, elapsed_s: float) -> None:
            return None

    wire = SerialBus([Pair(1, {0: 219, 1: 5}), Pair(2, {0: 0x1234, 1: 5}), Pair(2, {0: 0x4321, 1: 5})], baud=9600)
    clock = QuickClock()
    units = {unit: Registers({3: {0: 1}}) for unit in (1, 2)}
    bus = SimulatedBus(clock, units)

    def overlaid(unit: int, pdu: bytes, frame: bytes) -> bytes:
        answer = wire.exchange(rtu_frame(unit, pdu))
        return answer.frame if answer is not None else b""

    bus.spoil = overlaid
    found = await surveyed(bus, clock)
    assert {each.unit_id: each.presence for each in found.devices} == {1: Presence.DEVICE, 2: Presence.TWO_DEVICES}
    assert "Unplug one" in found.devices[1].notes[0]


async def test_a_bad_line_is_unsteady_and_still_surveyed() -> None:
    clock, chance = QuickClock(), random.Random(5)
    bus = SimulatedBus(clock, {1: Registers({3: dict.fromkeys(range(6), 7)})})
    bus.spoil = lambda unit, pdu, frame: frame[:-1] + b"\xa5" if chance.random() < 0.25 else frame
    found = await surveyed(bus, clock)
    (device,) = found.devices
    assert device.presence in (Presence.UNSTEADY, Presence.DEVICE)
    assert device.broken > 3
    assert [(area.first, area.last) for area in device.tables[0].areas] == [(0, 5)]


async def test_an_adapter_that_echoes_is_named_and_harmless() -> None:
    clock = QuickClock()
    bus = SimulatedBus(clock, {2: Registers({3: {0: 7}})})
    bus.spoil = lambda unit, pdu, frame: rtu_frame(unit, pdu) + frame
    found = await surveyed(bus, clock)
    assert [(each.unit_id, each.presence) for each in found.devices] == [(2, Presence.DEVICE)]
    assert any("echo" in note for note in found.notes)


async def test_noise_on_the_whole_line_is_no_device() -> None:
    clock, chance = QuickClock(), random.Random(3)
    bus = SimulatedBus(clock, {unit: Registers({3: {0: 7}}) for unit in (1, 2, 3)})
    bus.spoil = lambda unit, pdu, frame: chance.randbytes(5)
    found = await surveyed(bus, clock)
    assert found.ended is Ended.COMPLETE
    assert {each.presence for each in found.devices} == {Presence.GARBLED}
    assert all(not each.tables for each in found.devices)


async def test_a_line_that_is_noise_throughout_is_said_once_and_costs_little() -> None:
    clock, chance = QuickClock(), random.Random(3)
    bus = SimulatedBus(clock, {unit: Registers({3: {0: 7}}) for unit in range(1, 201)})
    bus.spoil = lambda unit, pdu, frame: chance.randbytes(4)
    found = await survey(bus, Questions(units=tuple(range(1, 201)), rounds=1), clock, within_s=600)
    assert len(found.devices) < 10
    assert any("whoever is asked" in note for note in found.notes)
    assert found.took_s < 150
