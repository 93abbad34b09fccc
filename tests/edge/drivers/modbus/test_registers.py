"""Registers are asked for in few requests, and their words become values or named faults."""

import struct

import pytest

from siloscope_contract.quality import Quality
from siloscope_edge.drivers.modbus.profile import ModbusProfile, RegisterChannel, RegisterLimits, Sentinel
from siloscope_edge.drivers.modbus.registers import decoder_for, plan
from siloscope_edge.profile_files import catalogue, read
from siloscope_edge.readings import Reading, rounder


def channel(address: int, kind: str = "int16", **rest: object) -> RegisterChannel:
    given = {"key": f"c{address}", "quantity": "temperature", "unit": "Cel", "table": "holding"}
    return RegisterChannel(**{**given, "address": address, "type": kind, **rest})  # type: ignore[arg-type]  # test data


def decoded(wire: bytes, kind: str, **rest: object) -> Reading:
    return decoder_for(channel(0, kind, **rest))(wire)


def spelled(channels: list[RegisterChannel], limits: RegisterLimits) -> str:
    return " ".join(f"{each.table[0]}{each.address}+{each.count}" for each in plan(channels, limits))


@pytest.mark.parametrize(
    ("addresses", "limits", "expected"),
    [
        ([0, 1, 2, 3], RegisterLimits(), "h0+4"),
        ([3, 1, 0, 2], RegisterLimits(), "h0+4"),
        ([0, 2], RegisterLimits(), "h0+1 h2+1"),
        ([0, 2], RegisterLimits(gap_registers=1), "h0+3"),
        ([0, 1, 2, 3], RegisterLimits(registers_per_request=2), "h0+2 h2+2"),
        ([0, 9], RegisterLimits(gap_registers=100, registers_per_request=9), "h0+1 h9+1"),
    ],
)
def test_neighbours_share_a_request_within_the_limits(
    addresses: list[int], limits: RegisterLimits, expected: str
) -> None:
    assert spelled([channel(each) for each in addresses], limits) == expected


def test_tables_and_wide_types_are_kept_apart_and_whole() -> None:
    channels = [channel(0, "float32"), channel(2, "float32"), channel(0, table="input"), channel(5, "int64")]
    assert spelled(channels, RegisterLimits(registers_per_request=4)) == "h0+4 h5+4 i0+1"


def test_bits_have_a_limit_of_their_own_and_are_kept_apart() -> None:
    bits = [channel(at, "bit", table="coil") for at in (0, 3, 200)]
    assert spelled([*bits, channel(0)], RegisterLimits(gap_registers=8)) == "c0+4 c200+1 h0+1"
    assert spelled(bits[:2], RegisterLimits(gap_registers=8, bits_per_request=3)) == "c0+1 c3+1"


def test_a_coil_is_one_or_nought() -> None:
    decode = decoder_for(channel(0, "bit", table="discrete"))
    assert [decode(wire).value for wire in (b"\x01", b"\x00")] == [1.0, 0.0]


def test_each_shipped_modbus_profile_needs_few_requests() -> None:
    shipped = {name: read(file) for name, file in catalogue().items()}
    counts = {
        name: len(plan(profile.channels, profile.limits))
        for name, profile in shipped.items()
        if isinstance(profile, ModbusProfile)
    }
    assert counts == {
        "compact-weather": 1,
        "loop-8ch": 1,
        "r4dcb08": 1,
        "relay-8ch": 1,
        "sdm120": 4,
        "sdm230": 3,
        "senseair-s8": 1,
        "sht30": 1,
        "soil-7in1": 1,
        "vaisala-gmp250": 1,
        "vaisala-hmp": 1,
        "wsc11": 5,
        "xy-md02": 1,
    }


@pytest.mark.parametrize(
    ("wire", "kind", "rest", "value"),
    [
        ("00DB", "int16", {"scale": 0.1, "resolution": 0.1}, 21.9),
        ("FF9B", "int16", {"scale": 0.1, "resolution": 0.1}, -10.1),
        ("43663334", "float32", {"resolution": 0.1}, 230.2),
        ("E666C2F6", "float32", {"byte_order": "CDAB", "resolution": 0.01}, -123.45),
        ("66E6F6C2", "float32", {"byte_order": "DCBA", "resolution": 0.01}, -123.45),
        ("F6C266E6", "float32", {"byte_order": "BADC", "resolution": 0.01}, -123.45),
        ("0190", "int16", {"resolution": 1}, 400.0),
        ("0005", "bit", {"bit": 2}, 1.0),
        ("0005", "bit", {"bit": 1}, 0.0),
        ("A5F0", "bitfield", {"bits": (4, 7)}, 15.0),
        ("A5F0", "bitfield", {"bits": (8, 15)}, 165.0),
        ("F0A5", "bitfield", {"bits": (8, 15), "byte_order": "BADC"}, 165.0),
        ("4D00", "float16", {}, 20.0),
        ("DB00", "int16", {"byte_order": "BADC", "scale": 0.1, "resolution": 0.1}, 21.9),
        ("FFFFFF9C", "int32", {}, -100.0),
        ("FF9CFFFF", "int32", {"byte_order": "CDAB"}, -100.0),
        ("00000001", "uint32", {"scale": 0.5, "offset": 2}, 2.5),
        ("FFFFFFFFFFFFFFFE", "int64", {}, -2.0),
        ("2731", "uint16", {"negative_from": 10000, "scale": 0.1, "resolution": 0.1}, -3.3),
        ("00FA", "uint16", {"negative_from": 10000, "scale": 0.1, "resolution": 0.1}, 25.0),
        ("2B32312E3500", "string", {"words": 3}, 21.5),
        ("4F50454E", "string", {"words": 2, "texts": {"OPEN": 1.0}}, 1.0),
        ("504F4E45", "string", {"words": 2, "byte_order": "BADC", "texts": {"OPEN": 1.0}}, 1.0),
    ],
)
def test_published_words_become_their_values(wire: str, kind: str, rest: dict[str, object], value: float) -> None:
    assert decoded(bytes.fromhex(wire), kind, **rest) == Reading(value, 0)


@pytest.mark.parametrize(
    ("wire", "kind", "rest", "quality"),
    [
        ("8000", "int16", {"sentinels": (Sentinel(0x8000),)}, Quality.SENSOR_MISSING),
        ("7FC00000", "float32", {}, Quality.NOT_A_NUMBER),
        ("7F800000", "float32", {}, Quality.NOT_A_NUMBER),
        ("7E00", "float16", {}, Quality.NOT_A_NUMBER),
        ("4E4F4E45", "string", {"words": 2}, Quality.NOT_A_NUMBER),
        ("6E616E20", "string", {"words": 2}, Quality.NOT_A_NUMBER),  # a number to Python
        ("FFFF", "bit", {"bit": 0, "sentinels": (Sentinel(0xFFFF),)}, Quality.SENSOR_MISSING),
        ("FFFFFFFF", "uint32", {"sentinels": (Sentinel(0xFFFFFFFF),)}, Quality.SENSOR_MISSING),
        ("80000000", "int32", {}, Quality.OUT_OF_RANGE),  # beyond what a temperature can be
        ("0352", "int16", {"scale": 0.1, "valid": (-55, 84.9)}, Quality.OUT_OF_RANGE),
    ],
)
def test_what_is_no_value_is_told_as_such(wire: str, kind: str, rest: dict[str, object], quality: Quality) -> None:
    assert decoded(bytes.fromhex(wire), kind, **rest) == Reading(None, quality)


def test_64_bits_come_in_four_orders_too() -> None:
    wire = struct.pack(">d", 1234.5)
    words = [wire[at : at + 2] for at in range(0, 8, 2)]
    assert decoded(b"".join(words[::-1]), "float64", byte_order="CDAB").value == 1234.5
    assert decoded(wire[::-1], "float64", byte_order="DCBA").value == 1234.5


@pytest.mark.parametrize(
    ("resolution", "value", "expected"),
    [(0.1, 21.900000000000002, 21.9), (0.25, 1.4, 1.5), (1, 2.4, 2.0), (5, 12.6, 15.0), (None, 1.23, 1.23)],
)
def test_rounding_leaves_whole_steps(resolution: float | None, value: float, expected: float) -> None:
    assert rounder(resolution)(value) == expected


def test_rounding_never_leaves_a_negative_zero() -> None:
    assert str(rounder(0.1)(-0.04)) == "0.0"
