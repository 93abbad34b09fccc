"""What a Modbus profile says: which registers or coils hold what, in which type and order."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from siloscope_edge.profiles import BAD_REASONS, Channel, Limits, Profile
from siloscope_process.documents import Document
from siloscope_process.expectations import Place, nearest

Table = Literal["holding", "input", "coil", "discrete"]
RegisterType = Literal[
    "bit", "bitfield", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64",
    "string",
]  # fmt: skip
ByteOrder = Literal["ABCD", "CDAB", "BADC", "DCBA"]
BIT_TABLES = ("coil", "discrete")
_WORDS = {"int32": 2, "uint32": 2, "float32": 2, "int64": 4, "uint64": 4, "float64": 4}
_BitNumber = Annotated[int, Meta(ge=0, le=15)]


class Sentinel(Struct, frozen=True, forbid_unknown_fields=True):
    """A raw content that is no value but says why there is none.

    Attributes:
        raw: The whole content, as an unsigned number.
        reason: The reason of the reading that is then bad.
    """

    raw: Annotated[int, Meta(ge=0)]
    reason: str = "sensor_missing"


class RegisterLimits(Limits, frozen=True, forbid_unknown_fields=True):
    """What a Modbus device bears.

    Attributes:
        registers_per_request: Most registers that one request may ask for.
        bits_per_request: Most coils or discrete inputs that one request may ask for.
        gap_registers: Most registers (or bits) of no interest that a request may run across; 0 where the map's gaps
            are refused.
    """

    registers_per_request: Annotated[int, Meta(ge=1, le=125)] = 125
    bits_per_request: Annotated[int, Meta(ge=1, le=2000)] = 2000
    gap_registers: Annotated[int, Meta(ge=0, le=124)] = 0


class RegisterChannel(Channel, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A channel in registers, coils or discrete inputs.

    Attributes:
        table: Which of the four tables: holding registers (FC03), input registers (FC04), coils (FC01), discrete
            inputs (FC02).
        address: The wire's, counted from 0; a manual's 30002 or 40002 is mostly 1.
        type: What the registers hold; in coils and discrete inputs only ``bit``.
        byte_order: In which order the bytes of a value come, A the most significant; texts of ``ABCD`` begin in the
            high byte of the first register, those of ``BADC`` in the low one.
        bit: Which bit of the register a ``bit`` is; 0 the least significant.
        bits: Lowest and highest bit of a ``bitfield``.
        words: Registers of a ``string``.
        texts: What the texts of a ``string`` mean; a text that is not named must be a decimal number.
        negative_from: Raw content from which on values are negative: content - this, with the sign turned. For
            devices that know no two's complement.
        sentinels: Contents that are no values.
    """

    table: Table
    address: Annotated[int, Meta(ge=0, le=65535)]
    type: RegisterType
    byte_order: ByteOrder = "ABCD"
    bit: _BitNumber | None = None
    bits: tuple[_BitNumber, _BitNumber] | None = None
    words: Annotated[int, Meta(ge=1, le=60)] | None = None
    texts: dict[str, float] = field(default_factory=dict)
    negative_from: Annotated[int, Meta(gt=0)] | None = None
    sentinels: tuple[Sentinel, ...] = ()

    @property
    def size(self) -> int:
        """How many registers it takes; in a table of bits, how many bits."""
        return _WORDS.get(self.type, 1) if self.words is None else self.words


class ModbusProfile(Profile, frozen=True, forbid_unknown_fields=True, tag_field="protocol", tag="modbus", kw_only=True):
    """An instrument that is read by Modbus registers.

    Attributes:
        wake: Whether it sleeps and wants a byte 0x00 and 5 ms before each request; on serial lines only.
    """

    wake: bool = False
    limits: RegisterLimits = field(default_factory=RegisterLimits)
    channels: Annotated[tuple[RegisterChannel, ...], Meta(min_length=1, max_length=256)]


def check(profile: ModbusProfile, document: Document) -> None:
    """Refuse what the structs alone cannot.

    Raises:
        Misconfigured: A channel's type, place and limits do not fit each other.
    """
    for index, channel in enumerate(profile.channels):
        place: Place = ("channels", index)
        _check_type(channel, document, place)
        most = profile.limits.bits_per_request if channel.table in BIT_TABLES else profile.limits.registers_per_request
        if channel.size > most:
            expected = f"a type of at most {most} registers (limits.registers_per_request)"
            raise document.fault((*place, "type"), channel.type, expected)
        if channel.address + channel.size > 65536:
            raise document.fault((*place, "address"), channel.address, f"at most {65536 - channel.size}")
        if channel.size == 1 and channel.byte_order not in ("ABCD", "BADC"):
            raise document.fault((*place, "byte_order"), channel.byte_order, "ABCD or BADC for one register")
        _check_sentinels(channel, document, place)


def _check_type(channel: RegisterChannel, document: Document, place: Place) -> None:
    if channel.table in BIT_TABLES and channel.type != "bit":
        raise document.fault((*place, "type"), channel.type, f"'bit', all that a {channel.table} can hold")
    for name, wanted in (
        ("bit", channel.type == "bit" and channel.table not in BIT_TABLES),
        ("bits", channel.type == "bitfield"),
        ("words", channel.type == "string"),
    ):
        given = getattr(channel, name)
        if wanted and given is None:
            raise document.fault((*place, name), "nothing", f"{name!r} for a {channel.type} in a register")
        if not wanted and given is not None:
            raise document.fault((*place, name), given, f"no {name!r} for a {channel.type} of {channel.table}")
    if channel.bits is not None and channel.bits[0] > channel.bits[1]:
        raise document.fault((*place, "bits"), list(channel.bits), "the lowest bit before the highest")
    if channel.texts and channel.type != "string":
        raise document.fault((*place, "texts"), "texts", "texts of a string only")
    if channel.type == "string" and channel.byte_order not in ("ABCD", "BADC"):
        raise document.fault((*place, "byte_order"), channel.byte_order, "ABCD or BADC for a string")
    if channel.negative_from is not None and not channel.type.startswith("uint"):
        raise document.fault((*place, "negative_from"), channel.negative_from, "an unsigned type with it")


def _check_sentinels(channel: RegisterChannel, document: Document, place: Place) -> None:
    for at, sentinel in enumerate(channel.sentinels):
        if channel.type == "string" or channel.table in BIT_TABLES:
            raise document.fault((*place, "sentinels"), sentinel.raw, f"none for a {channel.type} of {channel.table}")
        if sentinel.raw >= 1 << 16 * channel.size:
            raise document.fault((*place, "sentinels", at), sentinel.raw, f"at most {(1 << 16 * channel.size) - 1:#x}")
        if sentinel.reason not in BAD_REASONS:
            expected = nearest(BAD_REASONS, sentinel.reason)
            raise document.fault((*place, "sentinels", at, "reason"), sentinel.reason, expected)
