"""Device profiles: what an instrument measures and how it is asked, one YAML file each."""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from siloscope_contract.errors import ContractError
from siloscope_contract.names import slug
from siloscope_contract.quality import Quality
from siloscope_contract.quantities import quantity
from siloscope_edge.errors import Misconfigured
from siloscope_process.documents import Document
from siloscope_process.expectations import nearest

Positive = Annotated[float, Meta(gt=0)]
RegisterType = Literal["int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"]
ByteOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]
BAD_REASONS = [quality.reason for quality in Quality if quality >= Quality.BAD]


class Sentinel(Struct, frozen=True, forbid_unknown_fields=True):
    """A raw content, as an unsigned number, that is no value but says why there is none."""

    raw: Annotated[int, Meta(ge=0)]
    reason: str = "sensor_missing"


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What an instrument bears.

    Attributes:
        registers_per_request: Most registers that one request may ask for.
        gap_registers: Most registers of no interest that a request may run across; 0 where the map's gaps are refused.
        rest_s: Silence that it needs between two requests.
        timeout_s: How long an answer may take.
        retries: Further tries after a torn frame or a busy answer. Silence is never tried again in the same poll: that
            would cost the others on the bus.
    """

    registers_per_request: Annotated[int, Meta(ge=1, le=125)] = 125
    gap_registers: Annotated[int, Meta(ge=0, le=124)] = 0
    rest_s: Annotated[float, Meta(ge=0, le=5)] = 0.02
    timeout_s: Annotated[float, Meta(gt=0, le=30)] = 1.0
    retries: Annotated[int, Meta(ge=0, le=5)] = 1


class Channel(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What both kinds of channel have.

    Attributes:
        key: Slug, unique in the device.
        quantity: One of the contract's.
        unit: That quantity's unit; ``scale`` and ``offset`` lead to it.
        valid: Smallest and largest value that the instrument can mean.
        resolution: The step that values are rounded to.
    """

    key: str
    quantity: str
    unit: str
    title: str = ""
    scale: float = 1.0
    offset: float = 0.0
    valid: tuple[float, float] | None = None
    resolution: Positive | None = None


class RegisterChannel(Channel, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A channel in Modbus registers; ``address`` is the wire's, counted from 0."""

    table: Literal["holding", "input"]
    address: Annotated[int, Meta(ge=0, le=65535)]
    type: RegisterType
    byte_order: ByteOrder = "ABCD"
    sentinels: tuple[Sentinel, ...] = ()


class FieldChannel(Channel, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A channel in a field of a line: ``query`` brings the line, ``field`` names the value in it."""

    query: Annotated[str, Meta(pattern=r"^[rR][0-5]$")]
    field: Annotated[str, Meta(pattern=r"^[A-Z][a-z]$")]


class ModbusProfile(Struct, frozen=True, forbid_unknown_fields=True, tag_field="protocol", tag="modbus", kw_only=True):
    """An instrument that is read by Modbus registers."""

    profile: str
    title: str
    source: str = ""
    period_s: Positive = 60.0
    limits: Limits = field(default_factory=Limits)
    channels: Annotated[tuple[RegisterChannel, ...], Meta(min_length=1, max_length=256)]


class WxtProfile(Struct, frozen=True, forbid_unknown_fields=True, tag_field="protocol", tag="wxt", kw_only=True):
    """A Vaisala weather transmitter in its ASCII protocol, polled."""

    profile: str
    title: str
    source: str = ""
    period_s: Positive = 60.0
    limits: Limits = field(default_factory=Limits)
    channels: Annotated[tuple[FieldChannel, ...], Meta(min_length=1, max_length=256)]


Profile = ModbusProfile | WxtProfile

WORDS = {"int16": 1, "uint16": 1, "int32": 2, "uint32": 2, "float32": 2, "int64": 4, "uint64": 4, "float64": 4}


def read(file: Path) -> Profile:
    """Read one profile.

    A ``defaults`` mapping stands for what all channels have in common.

    Raises:
        Misconfigured: Something in it cannot be meant.
    """
    document = Document.read(file, Misconfigured)
    _spread_defaults(document)
    profile: Profile = document.convert(Profile)  # type: ignore[arg-type]  # a union is a form, not a class, to mypy
    _check(profile, document)
    return profile


def catalogue(directories: Iterable[Path] = ()) -> Mapping[str, Path]:
    """Return the files of the shipped profiles and of those in ``directories``; a later one replaces an earlier."""
    return {file.stem: file for directory in (shipped_directory(), *directories) for file in directory.glob("*.yaml")}


def shipped_directory() -> Path:
    """Return where the profiles are that come with the agent."""
    return Path(str(files("siloscope_edge") / "shipped"))


def _spread_defaults(document: Document) -> None:
    if not isinstance(document.data, dict) or "defaults" not in document.data:
        return
    defaults = document.data.pop("defaults")
    channels = document.data.get("channels")
    if not isinstance(defaults, dict):
        raise document.fault(("defaults",), defaults, "a mapping of channel fields")
    if isinstance(channels, list):
        document.data["channels"] = [
            {**defaults, **channel} if isinstance(channel, dict) else channel for channel in channels
        ]


def _check(profile: Profile, document: Document) -> None:
    if profile.profile != document.file.stem:
        raise document.fault(("profile",), profile.profile, f"{document.file.stem!r}, the file's name")
    seen = set[str]()
    for index, channel in enumerate(profile.channels):
        place = ("channels", index)
        _check_channel(channel, document, place)
        if channel.key in seen:
            raise document.fault((*place, "key"), channel.key, "each key once")
        seen.add(channel.key)
        if isinstance(channel, RegisterChannel):
            _check_registers(channel, profile.limits, document, place)


def _check_channel(channel: Channel, document: Document, place: tuple[str | int, ...]) -> None:
    try:
        slug(channel.key, "key")
    except ContractError as error:
        raise document.fault((*place, "key"), channel.key, error.expected) from error
    try:
        right = quantity(channel.quantity)
    except ContractError as error:
        raise document.fault((*place, "quantity"), channel.quantity, error.expected) from error
    if channel.unit != right.unit:
        raise document.fault((*place, "unit"), channel.unit, f"{right.unit!r}, the unit of {right.name}")
    if channel.valid is not None and not right.low <= channel.valid[0] < channel.valid[1] <= right.high:
        expected = f"low before high, within {right.low:g} to {right.high:g} {right.unit}"
        raise document.fault((*place, "valid"), list(channel.valid), expected)
    if channel.scale == 0:
        raise document.fault((*place, "scale"), 0, "anything but 0")


def _check_registers(
    channel: RegisterChannel, limits: Limits, document: Document, place: tuple[str | int, ...]
) -> None:
    words = WORDS[channel.type]
    if words > limits.registers_per_request:
        expected = f"a type of at most {limits.registers_per_request} registers (limits.registers_per_request)"
        raise document.fault((*place, "type"), channel.type, expected)
    if channel.address + words > 65536:
        raise document.fault((*place, "address"), channel.address, f"at most {65536 - words}")
    if words == 1 and channel.byte_order not in ("ABCD", "BADC"):
        raise document.fault((*place, "byte_order"), channel.byte_order, "ABCD or BADC for one register")
    for sentinel in channel.sentinels:
        if sentinel.raw >= 1 << 16 * words:
            raise document.fault((*place, "sentinels"), sentinel.raw, f"at most {(1 << 16 * words) - 1:#x}")
        if sentinel.reason not in BAD_REASONS:
            raise document.fault((*place, "sentinels"), sentinel.reason, nearest(BAD_REASONS, sentinel.reason))
