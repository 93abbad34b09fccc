"""What a technician knows: a quantity, a value read off the display, and perhaps a register number from a manual."""

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType

from msgspec import Struct

from siloscope_contract.errors import ContractError
from siloscope_contract.quantities import quantity

_AS_PRINTED, _ONE_LESS, _ONE_MORE = math.log2(0.62), math.log2(0.33), math.log2(0.05)
_REFERENCES = MappingProxyType({1: "coil", 2: "discrete", 3: "input", 4: "holding"})
"""The leading digit of a reference as manuals print it; 0xxxx for coils cannot be told from a plain number."""


class Clue(Struct, frozen=True):
    """One thing that is known.

    Attributes:
        quantity: What is looked for; empty where that is not said.
        shown: The value on the display, as its text, in the quantity's unit; empty where there is none.
        register: Its number as printed; None: it may be anywhere.
    """

    quantity: str = ""
    shown: str = ""
    register: int | None = None

    @property
    def text(self) -> str:
        """The clue in words."""
        at = f" at register {self.register}" if self.register is not None else ""
        return f"{self.quantity or 'any quantity'}{f' {self.shown}' if self.shown else ''}{at}"

    @property
    def is_pointed(self) -> bool:
        """Whether it names a register or a value."""
        return self.register is not None or bool(self.shown)

    @property
    def value(self) -> float | None:
        """The value on the display."""
        return float(self.shown) if self.shown else None

    @property
    def step(self) -> float:
        """What the last digit on the display stands for; 1 where there is no display."""
        exponent = Decimal(self.shown or "0").as_tuple().exponent
        return 10.0**exponent if isinstance(exponent, int) else 1.0

    def places(self) -> Mapping[tuple[str, int], float] | None:
        """Return where the register may be, and how likely each place is (log2); None: anywhere.

        A manual's number is the wire's address or one more; a reference as 30002 or 40002 also names the table.
        """
        if self.register is None:
            return None
        found: dict[tuple[str, int], float] = {}
        number = self.register
        leading, rest = (number // 10_000, number % 10_000) if number < 100_000 else divmod(number, 100_000)
        if leading in (3, 4) and rest > 0:
            table = _REFERENCES[leading]
            found[table, rest - 1] = math.log2(0.70)
            found[table, rest] = math.log2(0.08)
            found[table, number] = math.log2(0.12)
            found[table, number - 1] = math.log2(0.08)
        else:
            for table in ("holding", "input"):
                for address, likely in ((number, _AS_PRINTED), (number - 1, _ONE_LESS), (number + 1, _ONE_MORE)):
                    found[table, address] = likely
        return {place: likely for place, likely in found.items() if 0 <= place[1] <= 0xFFFF}


def clue(text: str, *, is_shown: bool, default_quantity: str = "") -> Clue:
    """Return the clue of a command line: ``[REGISTER=]VALUE[:QUANTITY]``, or ``[REGISTER=]QUANTITY``.

    Args:
        text: As it was written.
        is_shown: Whether it begins with a value.
        default_quantity: What is looked for where the text does not say it.

    Raises:
        ValueError: It cannot be meant; the message says what was found and what is expected.

    >>> clue("40002=23.4:temperature", is_shown=True)
    Clue(quantity='temperature', shown='23.4', register=40002)
    """
    before, equals, rest = text.rpartition("=")
    register = _register(before) if equals else None
    shown, _, named = rest.partition(":") if is_shown else ("", "", rest)
    if is_shown:
        try:
            if not Decimal(shown).is_finite():
                raise InvalidOperation
        except InvalidOperation:
            raise ValueError(f"found {shown!r}, expected a number as the display shows it") from None
    name = named or default_quantity
    if name:
        try:
            quantity(name)
        except ContractError as error:
            raise ValueError(f"found {name!r}, expected {error.expected}") from error
    return Clue(name, shown, register)


def _register(text: str) -> int:
    try:
        number = int(text, 0)
    except ValueError:
        raise ValueError(f"found {text!r}, expected a register number before '='") from None
    if not 0 <= number <= 465_536:
        raise ValueError(f"found register {number}, expected 0 to 65535, or a reference as 30002 or 400002")
    return number
