"""A whole survey in simulated time: who is there, what each has, how fast it answers, and that it ends in time."""

import asyncio
from collections.abc import Mapping

import msgspec
import pytest

from siloscope_edge.doctor.clues import Clue
from siloscope_edge.doctor.exchange import HARMLESS, Outcome
from siloscope_edge.doctor.findings import Area, DeviceFindings, Ended, Findings, Presence, TableFindings
from siloscope_edge.doctor.session import Progress
from siloscope_edge.doctor.survey import Questions, survey
from siloscope_edge.errors import PortUnavailable
from tests.edge.doctor.simulated_bus import Answer, QuickClock, Registers, SimulatedBus

WORDS = {at: 200 + at for at in range(10)}
FEW = Questions(units=(1, 2, 3), tables=("input", "holding"), rounds=2)


async def surveyed(
    units: Mapping[int, Answer], questions: Questions = FEW, *, baud: int = 9600, within_s: float = 600
) -> tuple[Findings, SimulatedBus]:
    clock = QuickClock()
    bus = SimulatedBus(clock, units, baud=baud)
    return await survey(bus, questions, clock, within_s=within_s), bus


def table(device: DeviceFindings, name: str) -> TableFindings:
    return next(each for each in device.tables if each.table == name)


async def test_a_device_is_found_with_its_registers_and_times() -> None:
    found, bus = await surveyed({2: Registers({3: WORDS}, think_s=0.03)})
    assert (found.ended, found.silent_units) == (Ended.COMPLETE, [1, 3])
    (device,) = found.devices
    assert (device.unit_id, device.presence, device.broken) == (2, Presence.DEVICE, 0)
    holding = table(device, "holding")
    assert holding.areas == [Area(0, 9)]
    assert holding.words == {at: [word, word] for at, word in WORDS.items()}
    assert (holding.most_per_request, holding.most_is_known, holding.gap) == (10, False, None)
    assert [each.table for each in device.tables] == ["holding"]
    assert device.timing is not None
    assert device.timing.min_ms == pytest.approx(30 + 1000 * (8 + 5) * 10 / 9600, abs=1.1)  # an exception has 5 bytes
    assert device.timeout_s is not None
    assert device.timeout_s >= 4 * device.timing.p95_ms / 1000 - 0.1
    assert found.requests == len(bus.asked)


async def test_only_reads_are_ever_sent() -> None:
    _, bus = await surveyed(
        {1: Registers({1: {0: 1}, 2: {0: 1}, 3: WORDS, 4: WORDS})},
        msgspec.structs.replace(
            FEW,
            tables=("input", "holding", "discrete", "coil"),
            identify=True,
            thorough=True,
            clues=(Clue("", "20", 3),),
        ),
    )
    assert {pdu[0] for _, pdu in bus.asked} == HARMLESS


async def test_a_device_says_its_name_when_it_is_asked_to() -> None:
    """The answer to 43/14 as in the protocol's specification, 6.21: objects by number and length."""
    registers = Registers({3: WORDS})

    def named(pdu: bytes) -> tuple[bytes, float] | None:
        if pdu[:2] == b"\x2b\x0e":
            objects = b"\x00\x04ACME\x01\x04TH-1\x02\x03\x00\xff\x01"
            return bytes.fromhex("2b0e01010000") + b"\x03" + objects, 0.02
        return (b"\x11\x05pump\xff", 0.02) if pdu[0] == 17 else registers(pdu)

    found, _ = await surveyed({1: named}, msgspec.structs.replace(FEW, identify=True))
    assert found.devices[0].identity == {
        "vendor": "ACME",
        "product": "TH-1",
        "revision": "00 ff 01",
        "report": "70 75 6d 70 ff",
    }


async def test_the_functions_that_tell_names_are_sent_only_when_asked_for() -> None:
    _, bus = await surveyed({1: Registers({3: WORDS})})
    assert {pdu[0] for _, pdu in bus.asked} <= {1, 2, 3, 4}


@pytest.mark.parametrize("most", [1, 2, 7, 16, 32, 64, 125])
async def test_the_largest_request_is_found(most: int) -> None:
    words = dict.fromkeys(range(200), 7)
    found, _ = await surveyed({1: Registers({4: words}, most=most)})
    input_ = table(found.devices[0], "input")
    assert input_.areas == [Area(0, 199)]
    assert (input_.most_per_request, input_.most_is_known) == (most, most < 125)


async def test_gaps_that_are_refused_part_the_areas() -> None:
    words = {at: at for first in (0, 6, 12, 70) for at in (first, first + 1)}
    found, _ = await surveyed({1: Registers({4: words})})
    input_ = table(found.devices[0], "input")
    assert input_.areas == [Area(0, 1), Area(6, 7), Area(12, 13), Area(70, 71)]
    assert input_.gap == 0


async def test_gaps_that_are_filled_are_measured() -> None:
    words = {at: at + 1 for first in (0, 16) for at in range(first, first + 3)}
    found, _ = await surveyed({1: Registers({3: words}, fills_gaps=True, most=48)})
    holding = table(found.devices[0], "holding")
    assert (holding.areas, holding.gap) == ([Area(0, 2), Area(16, 18)], 13)
    assert holding.most_per_request == 15


async def test_an_area_is_found_by_bisection_not_one_by_one() -> None:
    found, bus = await surveyed({1: Registers({3: dict.fromkeys(range(1000, 1100), 5)})})
    assert table(found.devices[0], "holding").areas == [Area(1000, 1099)]
    inside = [pdu for _, pdu in bus.asked if pdu[0] == 3 and 990 <= int.from_bytes(pdu[1:3]) <= 1110]
    assert len(set(inside)) < 30


async def test_registers_that_come_in_pairs_only_are_found() -> None:
    found, _ = await surveyed({1: Registers({4: dict.fromkeys(range(8), 3)}, single=False)})
    input_ = table(found.devices[0], "input")
    assert (input_.areas, input_.width) == ([Area(0, 7)], 2)


async def test_a_device_that_answers_everywhere_is_said_to() -> None:
    class Everywhere(Registers):
        def _answer(self, pdu: bytes) -> bytes:
            return bytes((pdu[0], 2 * pdu[4])) + pdu[1:3] * pdu[4] if pdu[0] == 3 else bytes((pdu[0] | 0x80, 1))

    clued = msgspec.structs.replace(FEW, clues=(Clue("", "23.4", 41_234),))
    found, bus = await surveyed({1: Everywhere({})}, clued)
    holding = table(found.devices[0], "holding")
    assert holding.answers_everywhere
    assert 1233 in holding.words  # where the clue says that it is
    assert len(bus.asked) < 200


async def test_the_rest_that_a_device_needs_is_measured() -> None:
    clock = QuickClock()
    bus = SimulatedBus(clock, {1: Registers({3: WORDS})})
    bus.needs_rest_s = 0.015
    found = await survey(bus, FEW, clock, within_s=600)
    assert found.devices[0].rest_s == 0.02
    assert (await surveyed({1: Registers({3: WORDS})}))[0].devices[0].rest_s == 0.0


@pytest.mark.parametrize("rest_s", [0.04, 0.15])
async def test_a_device_that_needs_rest_is_searched_all_the_same(rest_s: float) -> None:
    clock = QuickClock()
    bus = SimulatedBus(clock, {1: Registers({3: dict.fromkeys(range(20), 9), 4: WORDS})})
    bus.needs_rest_s = rest_s
    found = await survey(bus, msgspec.structs.replace(FEW, units=(1,)), clock, within_s=600)
    (device,) = found.devices
    assert [(each.table, each.areas) for each in device.tables] == [
        ("input", [Area(0, 9)]),
        ("holding", [Area(0, 19)]),
    ]
    assert device.rest_s is not None
    assert rest_s <= device.rest_s <= 2 * rest_s
    assert device.tables[0].words == {at: [word] * 2 for at, word in WORDS.items()}


async def test_a_large_map_behind_a_small_request_is_walked_with_few_requests() -> None:
    found, bus = await surveyed({1: Registers({3: dict.fromkeys(range(400), 9)}, most=16)})
    assert table(found.devices[0], "holding").areas == [Area(0, 399)]
    assert table(found.devices[0], "holding").most_per_request == 16
    walked = [pdu for _, pdu in bus.asked if pdu[0] == 3 and int.from_bytes(pdu[1:3]) < 400]
    assert len(walked) < 170  # two rounds of reading all, 50 requests, are among them


async def test_an_exception_alone_proves_that_a_device_is_there() -> None:
    found, _ = await surveyed({3: Registers({})})
    (device,) = found.devices
    assert (device.unit_id, device.presence, device.tables) == (3, Presence.DEVICE, [])


@pytest.mark.parametrize("code", [10, 11])
async def test_a_gateways_word_that_nobody_is_there_proves_nothing(code: int) -> None:
    found, _ = await surveyed({1: lambda pdu: (bytes((pdu[0] | 0x80, code)), 0.1)}, baud=0)
    assert (found.devices, found.silent_units) == ([], [1, 2, 3])


async def test_a_device_that_is_silent_to_function_three_is_found_by_function_four() -> None:
    silent = Registers({4: WORDS})
    found, _ = await surveyed({2: lambda pdu: silent(pdu) if pdu[0] == 4 else None})
    assert [each.unit_id for each in found.devices] == [2]


async def test_a_device_slower_than_expected_is_not_taken_for_its_neighbour() -> None:
    found, _ = await surveyed({2: Registers({3: WORDS}, think_s=0.4)})
    assert [(each.unit_id, each.presence) for each in found.devices] == [(2, Presence.DEVICE)]


async def test_a_host_that_answers_alike_to_any_unit_is_looked_at_once() -> None:
    units = {unit: Registers({3: WORDS}) for unit in range(1, 248)}
    found, bus = await surveyed(units, Questions(tables=("holding",), rounds=1), baud=0)
    assert found.any_unit
    assert [each.unit_id for each in found.devices] == [1]
    assert len({unit for unit, _ in bus.asked}) < 10


async def test_it_ends_in_time_with_what_was_found() -> None:
    slow = Registers({3: dict.fromkeys(range(300), 1), 4: WORDS}, think_s=0.2)
    found, _ = await surveyed({1: slow, 2: slow, 3: slow}, within_s=20)
    assert found.ended is Ended.TIME
    assert found.took_s <= 20 + 2.5  # one request more
    assert [each.unit_id for each in found.devices] == [1, 2, 3]
    assert all(any(table.areas for table in each.tables) for each in found.devices), "each got its share of the time"


async def test_weighing_ends_in_time_too() -> None:
    class Impatient(QuickClock):
        """Each look at it takes a second, once the registers are read: a very small computer."""

        weighing = False

        def monotonic_s(self) -> float:
            if self.weighing:
                self.advance(1.0)
            return super().monotonic_s()

    clock = Impatient()
    bus = SimulatedBus(clock, {1: Registers({4: dict.fromkeys(range(250), 305)})})
    questions = msgspec.structs.replace(FEW, clues=(Clue("temperature"),), rounds=2)

    def tell(step: Progress) -> None:
        clock.weighing |= "reading values" in step.what and step.done == 1

    found = await survey(bus, questions, clock, within_s=120, tell=tell)
    assert found.took_s <= 125
    assert any("weighed" in note for note in found.devices[0].notes)


async def test_it_stops_when_told_and_says_what_it_has() -> None:
    clock, stop = QuickClock(), asyncio.Event()
    bus = SimulatedBus(clock, {1: Registers({3: WORDS})})

    def tell(step: Progress) -> None:
        if "registers" in step.what:
            stop.set()

    found = await survey(bus, FEW, clock, within_s=600, stop=stop, tell=tell)
    assert found.ended is Ended.STOPPED
    assert [each.unit_id for each in found.devices] == [1]


async def test_a_port_that_vanishes_ends_it_with_what_was_found() -> None:
    class Vanishing(SimulatedBus):
        async def ask(self, unit_id: int, pdu: bytes, patience_s: float, *, linger_s: float = 0.0) -> Outcome:
            if len(self.asked) > 20:
                raise PortUnavailable("simulated: the port is gone")
            return await super().ask(unit_id, pdu, patience_s, linger_s=linger_s)

    clock = QuickClock()
    found = await survey(Vanishing(clock, {1: Registers({3: WORDS})}), FEW, clock, within_s=600)
    assert found.ended is Ended.PORT_LOST
    assert [each.unit_id for each in found.devices] == [1]
    assert "the port is gone" in found.notes[0]


async def test_a_busy_device_is_asked_again() -> None:
    calm = Registers({3: WORDS})
    busy = iter([True, False] * 500)
    found, _ = await surveyed({1: lambda pdu: (bytes((pdu[0] | 0x80, 6)), 0.01) if next(busy) else calm(pdu)})
    assert table(found.devices[0], "holding").areas == [Area(0, 9)]


async def test_progress_never_goes_beyond_its_bounds() -> None:
    steps: list[Progress] = []
    clock = QuickClock()
    bus = SimulatedBus(clock, {1: Registers({3: WORDS})})
    await survey(bus, FEW, clock, within_s=600, tell=steps.append)
    assert steps
    assert all(0 <= each.done <= each.of and each.spent_s <= each.within_s for each in steps)
    assert [each.spent_s for each in steps] == sorted(each.spent_s for each in steps)


async def test_findings_are_plain_data() -> None:
    found, _ = await surveyed({1: Registers({3: WORDS})}, msgspec.structs.replace(FEW, clues=(Clue("", "200", 0),)))
    assert msgspec.json.decode(msgspec.json.encode(found), type=Findings) == found


async def test_shipped_profiles_that_fit_are_named() -> None:
    found, _ = await surveyed({1: Registers({4: {1: 305, 2: 652}})})
    assert "xy-md02" in found.devices[0].fitting
    assert (await surveyed({1: Registers({4: {1: 9000, 2: 9000}})}))[0].devices[0].fitting == []
