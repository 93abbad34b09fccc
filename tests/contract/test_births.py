"""Births, heartbeats and statuses: both ways, and what is refused."""

from typing import Any

import msgspec
import pytest

from siloscope_contract import births
from siloscope_contract.births import (
    Birth,
    ChannelBirth,
    ClockState,
    DeviceBirth,
    EpochSpan,
    GroupBirth,
    Heartbeat,
    State,
    Status,
)
from siloscope_contract.errors import MalformedMessage
from siloscope_contract.samples import Epoch

EPOCH = Epoch("0123456789abcdef" * 2)
CHANNEL = ChannelBirth("t1", "temperature", "Cel", "Cable 1, level 1", resolution=0.1, low=-40.0, high=80.0)
BIRTH = Birth(
    session="s1",
    software="edge 0.1.0",
    clock=ClockState.SYNCHRONISED,
    epochs=[EpochSpan(EPOCH, 1, 9)],
    devices=[DeviceBirth("bin1-head1", "r4dcb08", "Bin 1 cable 1", [GroupBirth("main", 10.0, channels=[CHANNEL])])],
)


def test_each_message_is_read_as_it_was_written() -> None:
    heartbeat = Heartbeat("s1", 1_700_000_000_000, ClockState.UNKNOWN, [EpochSpan(EPOCH, 3, 9)])
    status = Status(State.OFFLINE, "s1")
    assert births.decode_birth(births.encode(BIRTH)) == BIRTH
    assert births.decode_heartbeat(births.encode(heartbeat)) == heartbeat
    assert births.decode_status(births.encode(status)) == status


def birth_with(**changed: Any) -> bytes:
    channel = msgspec.structs.replace(CHANNEL, **changed)
    device = DeviceBirth("bin1-head1", groups=[GroupBirth("main", 10.0, channels=[channel])])
    return births.encode(Birth(session="s1", devices=[device]))


@pytest.mark.parametrize(
    ("payload", "reason", "words"),
    [
        (b"{", "malformed", "birth"),
        (b'{"software":"x"}', "malformed", "session"),
        (b'{"session":"s","version":2}', "unsupported_version", "at most 1"),
        (birth_with(unit="Celsius"), "unknown_unit", "channel t1, unit"),
        (birth_with(unit="K"), "wrong_unit", "expected 'Cel' for temperature"),
        (birth_with(quantity="temprature"), "unknown_quantity", "did you mean 'temperature'"),
        (birth_with(key="T 1"), "malformed_name", "channel T 1"),
    ],
)
def test_a_birth_that_is_wrong_is_refused_by_place(payload: bytes, reason: str, words: str) -> None:
    with pytest.raises(MalformedMessage, match=words) as refused:
        births.decode_birth(payload)
    assert refused.value.reason == reason


def test_a_channel_announced_twice_is_refused() -> None:
    groups = [GroupBirth("main", channels=[CHANNEL]), GroupBirth("slow", channels=[CHANNEL])]
    with pytest.raises(MalformedMessage, match="each key once"):
        births.decode_birth(births.encode(Birth(session="s1", devices=[DeviceBirth("d", groups=groups)])))


@pytest.mark.parametrize("payload", [b"", b"null", b"\xff", b'{"session":1,"at_ms":2}'])
def test_what_is_no_heartbeat_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedMessage, match="heartbeat"):
        births.decode_heartbeat(payload)
