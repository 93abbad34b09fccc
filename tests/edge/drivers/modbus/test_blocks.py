"""What is read at once says what each channel would say alone, whatever stands in the registers."""

import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from siloscope_contract.quality import Quality
from siloscope_edge.drivers.modbus.blocks import Block, blocks
from siloscope_edge.drivers.modbus.profile import RegisterChannel, RegisterLimits, Sentinel
from siloscope_edge.drivers.modbus.registers import decoder_for, plan
from siloscope_edge.readings import Columns, Reading

TYPES = ("int16", "uint16", "int32", "uint32", "float16", "float32", "float64", "uint64")


def channels(kind: Any, count: int = 5, order: Any = "ABCD", **rest: Any) -> list[RegisterChannel]:
    first = RegisterChannel(
        key="t0", quantity="temperature", unit="Cel", table="holding", address=10, type=kind, byte_order=order, **rest
    )
    return [replace(first, key=f"t{at}", address=10 + at * first.size) for at in range(count)]


def made(found: list[RegisterChannel]) -> list[Block]:
    (request,) = plan(found, RegisterLimits(gap_registers=4))
    return blocks(request, found)


def read(found: list[RegisterChannel], wire: bytes) -> Columns:
    values: list[float | None] = [None] * len(found)
    quality = [int(Quality.COMM_FAILURE)] * len(found)
    for block in made(found):
        block.read(wire, values, quality)
    return Columns(values, quality)


def alone(found: list[RegisterChannel], wire: bytes) -> list[Reading]:
    begins = [2 * (each.address - found[0].address) for each in found]
    return [decoder_for(each)(wire[at : at + 2 * each.size]) for at, each in zip(begins, found, strict=True)]


@given(st.data(), st.sampled_from(TYPES), st.sampled_from(("ABCD", "CDAB", "BADC", "DCBA")), st.integers(1, 6))
def test_a_block_reads_what_its_channels_read(data: st.DataObject, kind: str, order: str, count: int) -> None:
    scale = data.draw(st.sampled_from((1.0, 0.1, -2.5)))
    resolution = data.draw(st.sampled_from((None, 0.1, 0.25, 1.0)))
    valid = data.draw(st.sampled_from((None, (-100.0, 100.0), (-1e300, 1e300))))
    found = channels(kind, count, order, scale=scale, resolution=resolution, valid=valid)
    wire = data.draw(st.binary(min_size=2 * count * found[0].size, max_size=2 * count * found[0].size))
    assert list(read(found, wire)) == alone(found, wire)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1000.0])
@pytest.mark.parametrize("place", [0, 2, 4])
def test_one_bad_value_leaves_the_others_of_its_block_as_they_are(bad: float, place: int) -> None:
    found = channels("float32", resolution=0.1, valid=(-50, 150))
    numbers = [20.0] * 5
    numbers[place] = bad
    readings = read(found, struct.pack(">5f", *numbers))
    assert [each.value for each in readings] == [None if at == place else 20.0 for at in range(5)]
    assert readings[place].quality == (Quality.OUT_OF_RANGE if bad == 1000.0 else Quality.NOT_A_NUMBER)


def test_only_what_is_alike_and_side_by_side_is_one_block() -> None:
    assert len(made(channels("float32"))) == 1
    few = channels("float32")
    assert len(made([*few[:2], *few[3:]])) == 2  # a hole
    assert len(made([*few[:2], replace(few[2], scale=2.0), *few[3:]])) == 3
    assert len(made([replace(each, sentinels=(Sentinel(5),)) for each in few])) == 5
    assert len(made([few[1], few[0]])) == 2  # the profile has them in another order
    assert [each.value for each in read([few[1], few[0]], struct.pack(">2f", 1, 2))] == [2.0, 1.0]
    bits = [replace(each, type="bit", bit=0, address=10 + at) for at, each in enumerate(few)]
    assert len(made(bits)) == 5


def test_columns_are_readings() -> None:
    columns = Columns([1.5, None], [0, 200])
    assert list(columns) == [Reading(1.5, 0), Reading(None, 200)]
    assert list(columns[1:]) == [Reading(None, 200)]
    assert Columns.of(columns) is columns
    assert Columns.of(list(columns)).quality == [0, 200]
