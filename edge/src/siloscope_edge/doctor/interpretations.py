"""Every way in which registers can be read as a number, and how usual each is among devices. Pure."""

import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct

_ORDERS: dict[str, Callable[[bytes], bytes]] = {
    "ABCD": lambda wire: wire,
    "CDAB": lambda wire: b"".join(wire[at : at + 2] for at in range(len(wire) - 2, -1, -2)),
    "BADC": lambda wire: b"".join(wire[at : at + 2][::-1] for at in range(0, len(wire), 2)),
    "DCBA": lambda wire: wire[::-1],
}
_ONE_REGISTER = {"ABCD": 0.985, "BADC": 0.015}
_WHOLE_NUMBERS = {"ABCD": 0.66, "CDAB": 0.29, "DCBA": 0.03, "BADC": 0.02}
_FLOATS = {"ABCD": 0.60, "CDAB": 0.33, "DCBA": 0.04, "BADC": 0.03}
_TURNED_FROM = 10_000
_TEXT_WORDS = (2, 3, 4, 5, 6, 8)


class Form(Struct, frozen=True):
    """A way to read registers, before any scale.

    Attributes:
        type: As profiles say, or ``bcd16``, ``bcd32``.
        words: How many registers.
        code: For `struct`; empty where that does not know it.
        share: How usual it is.
        orders: The orders it comes in, and how usual each is.
    """

    type: str
    words: int
    code: str
    share: float
    orders: Mapping[str, float]


FORMS = (
    Form("int16", 1, ">h", 0.27, MappingProxyType(_ONE_REGISTER)),
    Form("uint16", 1, ">H", 0.27, MappingProxyType(_ONE_REGISTER)),
    Form("float32", 2, ">f", 0.24, MappingProxyType(_FLOATS)),
    Form("int32", 2, ">i", 0.07, MappingProxyType(_WHOLE_NUMBERS)),
    Form("uint32", 2, ">I", 0.07, MappingProxyType(_WHOLE_NUMBERS)),
    Form("float64", 4, ">d", 0.012, MappingProxyType(_FLOATS)),
    Form("int64", 4, ">q", 0.012, MappingProxyType(_WHOLE_NUMBERS)),
    Form("uint64", 4, ">Q", 0.016, MappingProxyType(_WHOLE_NUMBERS)),
    Form("float16", 1, ">e", 0.006, MappingProxyType(_ONE_REGISTER)),
    Form("bcd16", 1, "", 0.010, MappingProxyType(_ONE_REGISTER)),
    Form("bcd32", 2, "", 0.008, MappingProxyType(_WHOLE_NUMBERS)),
    Form("turned16", 1, "", 0.008, MappingProxyType({"ABCD": 1.0})),
)


class Numbers(Struct, frozen=True):
    """Registers read in one way: the number of each round, without scale.

    Attributes:
        type: As profiles say, or ``bcd16``, ``bcd32``.
        byte_order: As profiles say.
        words: How many registers.
        negative_from: As profiles say; None for all but devices that know no two's complement.
        numbers: One for each round; None is NaN.
        steps: The smallest difference that the type can have there, one for each round; 1 for whole numbers.
        share: How usual this type and order are.
        is_float: Whether the number is one of binary fractions.
    """

    type: str
    byte_order: str
    words: int
    numbers: tuple[float | None, ...]
    steps: tuple[float, ...]
    share: float
    is_float: bool = False
    negative_from: int | None = None


def numbers_at(rounds: Sequence[Sequence[int]]) -> Iterator[Numbers]:
    """Yield all ways to read the registers at the front of each round.

    Args:
        rounds: Words from one address on, for each round; as many as stand there without a gap.
    """
    most = min(len(words) for words in rounds)
    wires = [struct.pack(f">{most}H", *words[:most]) for words in rounds]
    for form in FORMS:
        if form.words <= most:
            for order, share in form.orders.items():
                ordered = [_ORDERS[order](wire[: 2 * form.words]) for wire in wires]
                if (found := _read(form, order, share, ordered)) is not None:
                    yield found
    for words in _TEXT_WORDS:
        if words <= most:
            for order in ("ABCD", "BADC"):
                if (text := _texts(words, order, [_ORDERS[order](wire[: 2 * words]) for wire in wires])) is not None:
                    yield text


def _read(form: Form, order: str, share: float, ordered: Sequence[bytes]) -> Numbers | None:
    if form.type.startswith("bcd"):
        return _decimal_digits(form, order, share, ordered)
    if form.type == "turned16":
        return _turned(form, order, share, ordered)
    numbers = tuple(struct.unpack(form.code, wire)[0] for wire in ordered)
    if not form.type.startswith("float"):
        return Numbers(form.type, order, form.words, numbers, (1.0,) * len(numbers), form.share * share)
    if any(math.isinf(number) for number in numbers) or all(math.isnan(number) for number in numbers):
        return None
    known = tuple(None if math.isnan(number) else number for number in numbers)
    steps = tuple(_last_place(number, form.code) for number in known)
    return Numbers(form.type, order, form.words, known, steps, form.share * share, is_float=True)


def _last_place(number: float | None, code: str) -> float:
    bits, least = {">e": (10, -24), ">f": (23, -149), ">d": (52, -1074)}[code]
    if not number:
        return 2.0**least
    return 2.0 ** max(least, math.frexp(number)[1] - 1 - bits)


def _decimal_digits(form: Form, order: str, share: float, ordered: Sequence[bytes]) -> Numbers | None:
    """Read four bits a digit; only where that differs from a plain number, and no digit is above 9."""
    digits = [wire.hex() for wire in ordered]
    if any(not each.isdecimal() for each in digits) or all(int(each) < 10 for each in digits):
        return None
    numbers = tuple(float(int(each)) for each in digits)
    return Numbers(form.type, order, form.words, numbers, (1.0,) * len(numbers), form.share * share)


def _turned(form: Form, order: str, share: float, ordered: Sequence[bytes]) -> Numbers | None:
    raw = [int.from_bytes(wire) for wire in ordered]
    if not all(_TURNED_FROM < each < 2 * _TURNED_FROM for each in raw):
        return None
    numbers = tuple(float(_TURNED_FROM - each) for each in raw)
    steps = (1.0,) * len(numbers)
    return Numbers("uint16", order, 1, numbers, steps, form.share * share, negative_from=_TURNED_FROM)


def _texts(words: int, order: str, ordered: Sequence[bytes]) -> Numbers | None:
    texts = [wire.strip(b"\0 ") for wire in ordered]
    try:
        numbers = tuple(float(text) for text in texts if text and text[:1] in b"+-.0123456789" and b"_" not in text)
    except ValueError:
        return None
    whole = len(numbers) == len(texts) and all(map(math.isfinite, numbers))
    if not whole or any(not wire[:2].strip(b"\0 ") or not wire[-2:].strip(b"\0 ") for wire in ordered):
        return None  # empty registers at its ends are not of it
    steps = tuple(10.0 ** -len(text.partition(b".")[2]) for text in texts)
    return Numbers("string", order, words, numbers, steps, 0.02 * (0.9 if order == "ABCD" else 0.1))
