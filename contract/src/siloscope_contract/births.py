"""Births, heartbeats and statuses: what a node is, that it lives, and whether its link stands. All JSON."""

from enum import StrEnum
from typing import TypeVar

import msgspec

from siloscope_contract import names, quantities, units
from siloscope_contract.errors import ContractError, MalformedMessage
from siloscope_contract.packs import Epoch

BIRTH_VERSION = 1
MAX_GROUP_CHANNELS = 256


class RetentionClass(StrEnum):
    """How long the samples of a group are kept: each class is a table of its own."""

    MEASUREMENTS = "measurements"
    VITALS = "vitals"


class ClockState(StrEnum):
    """What is known of the node's clock."""

    SYNCHRONISED = "synchronised"
    UNSYNCHRONISED = "unsynchronised"
    UNKNOWN = "unknown"


class EpochSpan(msgspec.Struct, frozen=True, omit_defaults=True):
    """The numbers of one epoch that are in the spool.

    Attributes:
        epoch: Which.
        lowest: The lowest one spooled; ``next`` when none is.
        next: The next one to be assigned.
        owed_from_ms: Time of the oldest sample that is spooled and not known to be committed.
        owed_to_ms: Time of the newest such sample.
    """

    epoch: Epoch
    lowest: int
    next: int
    owed_from_ms: int | None = None
    owed_to_ms: int | None = None


class ChannelBirth(msgspec.Struct, frozen=True, omit_defaults=True):
    """A channel as its node announces it.

    Attributes:
        key: Slug, unique in the device.
        quantity: Name of a contract quantity.
        unit: That quantity's unit.
        title: For people.
        resolution: The step that values are rounded to, in ``unit``.
        low: Smallest valid value in ``unit``.
        high: Largest valid value in ``unit``.
    """

    key: str
    quantity: str
    unit: str
    title: str = ""
    resolution: float | None = None
    low: float | None = None
    high: float | None = None


class GroupBirth(msgspec.Struct, frozen=True, omit_defaults=True):
    """Channels that are read together.

    Attributes:
        interval_s: The longest expected time between two samples.
        delivery_s: How much later than its time a sample may come and still be in time, where that is more than usual:
            of a node that uploads once an hour. Unless told, two intervals and at least a minute.
    """

    key: str
    interval_s: float | None = None
    retention_class: RetentionClass = RetentionClass.MEASUREMENTS
    channels: list[ChannelBirth] = []
    delivery_s: float | None = None


class DeviceBirth(msgspec.Struct, frozen=True, omit_defaults=True):
    """One instrument behind the node."""

    name: str
    profile: str = ""
    title: str = ""
    groups: list[GroupBirth] = []


class Birth(msgspec.Struct, frozen=True, kw_only=True):
    """What a node is: published retained when it connects, and when it changes; paged when large.

    Attributes:
        session: Random id of this start of the agent; its epoch's sibling.
        store: Id of the store that it last heard from.
        generation: That store's generation.
        committed: Per epoch, the highest ``below`` that this store and generation said.
        epochs: What is in the spool.
    """

    session: str
    software: str = ""
    store: str | None = None
    generation: str | None = None
    committed: dict[str, int] = {}
    clock: ClockState = ClockState.UNKNOWN
    epochs: list[EpochSpan] = []
    devices: list[DeviceBirth] = []
    page: int = 1
    pages: int = 1
    version: int = BIRTH_VERSION


class Heartbeat(msgspec.Struct, frozen=True):
    """That a node lives, and how far its numbers have come."""

    session: str
    at_ms: int
    clock: ClockState = ClockState.UNKNOWN
    epochs: list[EpochSpan] = []


class State(StrEnum):
    """Whether the node's link stands: a hint, since a last will can be late or lost."""

    ONLINE = "online"
    OFFLINE = "offline"


class Status(msgspec.Struct, frozen=True):
    """Whether the node's link stands; the last will says ``offline``."""

    state: State
    session: str
    at_ms: int | None = None


_Message = TypeVar("_Message", Birth, Heartbeat, Status)
_encoder = msgspec.json.Encoder()


def encode(message: Birth | Heartbeat | Status) -> bytes:
    """Return the message as JSON."""
    return _encoder.encode(message)


def decode_birth(payload: bytes) -> Birth:
    """Read a birth.

    Raises:
        MalformedMessage: It is no birth, or names a unit, a quantity or a slug that is none.
    """
    birth = _decode(payload, Birth, "birth")
    if birth.version > BIRTH_VERSION:
        raise MalformedMessage(
            "unsupported_version", place="birth, version", found=birth.version, expected=f"at most {BIRTH_VERSION}"
        )
    try:
        for device in birth.devices:
            _check_device(device)
    except ContractError as error:
        raise MalformedMessage(error.reason, place=error.place, found=error.found, expected=error.expected) from error
    return birth


def without_devices(payload: bytes) -> Birth:
    """Read of a birth who it is from: what `decode_birth` refuses for its devices is to be answered all the same.

    Raises:
        MalformedMessage: Not even that can be read.
    """
    return msgspec.structs.replace(_decode(payload, Birth, "birth"), devices=[])


def decode_heartbeat(payload: bytes) -> Heartbeat:
    """Read a heartbeat.

    Raises:
        MalformedMessage: It is none.
    """
    return _decode(payload, Heartbeat, "heartbeat")


def decode_status(payload: bytes) -> Status:
    """Read a status.

    Raises:
        MalformedMessage: It is none.
    """
    return _decode(payload, Status, "status")


def _decode(payload: bytes, kind: type[_Message], what: str) -> _Message:
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise MalformedMessage("malformed", place=what, found=payload[:60], expected=str(error)) from error


def _check_device(device: DeviceBirth) -> None:
    names.slug(device.name, "device")
    keys = set[str]()
    for group in device.groups:
        names.slug(group.key, f"device {device.name}, group")
        if len(group.channels) > MAX_GROUP_CHANNELS:
            raise MalformedMessage(
                "too_many_channels",
                place=f"device {device.name}, group {group.key}",
                found=f"{len(group.channels)} channels",
                expected=f"at most {MAX_GROUP_CHANNELS}",
            )
        for channel in group.channels:
            _check_channel(channel, f"device {device.name}, channel {channel.key}")
            if channel.key in keys:
                raise MalformedMessage(
                    "repeated_channel", place=f"device {device.name}", found=channel.key, expected="each key once"
                )
            keys.add(channel.key)


def _check_channel(channel: ChannelBirth, place: str) -> None:
    names.slug(channel.key, place)
    unit = units.unit(channel.unit, f"{place}, unit")
    quantity = quantities.quantity(channel.quantity, f"{place}, quantity")
    if unit.symbol != quantity.unit:
        raise MalformedMessage(
            "wrong_unit", place=f"{place}, unit", found=channel.unit, expected=f"{quantity.unit!r} for {quantity.name}"
        )


__all__ = [
    "Birth",
    "ChannelBirth",
    "ClockState",
    "DeviceBirth",
    "EpochSpan",
    "GroupBirth",
    "Heartbeat",
    "RetentionClass",
    "State",
    "Status",
    "decode_birth",
    "decode_heartbeat",
    "decode_status",
    "encode",
]
