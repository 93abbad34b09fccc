"""What the doctor found: plain data, as `--json` prints it."""

from enum import StrEnum
from typing import Any

from msgspec import Struct, field


class Ended(StrEnum):
    """Why a survey ended."""

    COMPLETE = "complete"
    TIME = "time"  # the time was over before everything was asked
    STOPPED = "stopped"  # somebody stopped it
    PORT_LOST = "port_lost"  # the port vanished


class Presence(StrEnum):
    """What is at a unit id."""

    DEVICE = "device"  # sound answers
    UNSTEADY = "unsteady"  # some answers sound, some torn: a bad line, or a device that needs rest
    TWO_DEVICES = "two_devices"  # two sound answers to one request, or answers that overlay one another
    GARBLED = "garbled"  # only broken answers
    SWAPPED_CHECKSUM = "swapped_checksum"  # a device that sends its CRC high byte first


class Timing(Struct, frozen=True):
    """How long answers took, in milliseconds, requests and answers on the wire included."""

    answers: int
    min_ms: float
    median_ms: float
    p95_ms: float


class Area(Struct, frozen=True):
    """Registers, or bits, that can be read: the first and the last address on the wire."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many there are."""
        return self.last - self.first + 1


class TableFindings(Struct, kw_only=True):
    """One of the four tables of a device.

    Attributes:
        table: As profiles call it.
        function: The function code that reads it.
        areas: What can be read, in order.
        answers_everywhere: Whether it answers any address: then which mean something cannot be seen.
        most_per_request: Most registers or bits that one request brought.
        most_is_known: Whether one more was refused; else the table is not larger than that.
        gap: The largest gap of unreadable addresses that one request may run across; None: there was none to try.
        width: 2 where single registers are refused and pairs are not.
        words: What stood at each address, one value for each round of reading.
        complete: Whether all of it was searched.
    """

    table: str
    function: int
    areas: list[Area] = field(default_factory=list)
    answers_everywhere: bool = False
    most_per_request: int = 0
    most_is_known: bool = False
    gap: int | None = None
    width: int = 1
    words: dict[int, list[int]] = field(default_factory=dict)
    complete: bool = False


class Guess(Struct, frozen=True, kw_only=True):
    """One way to read registers.

    Attributes:
        table: Where.
        address: The first register on the wire, from 0.
        type: As profiles say, or ``bcd16``, ``bcd32``.
        byte_order: As profiles say.
        words: How many registers it takes.
        scale: The number is multiplied with it.
        offset: And this is added.
        negative_from: As profiles say.
        values: What the readings mean then, in ``unit``; None is NaN.
        unit: The quantity's.
        share: Of belief among all numbers that it could be, 0 to 1; ways that give the same numbers have no shares of
            their own: the first one's stands for all.
        bits: The evidence for it, in bits.
        reasons: What speaks for and against it.
    """

    table: str
    address: int
    type: str
    byte_order: str
    words: int
    scale: float
    offset: float = 0.0
    negative_from: int | None = None
    values: tuple[float | None, ...] = ()
    unit: str = ""
    share: float = 0.0
    bits: float = 0.0
    reasons: tuple[str, ...] = ()


class Ranking(Struct, frozen=True, kw_only=True):
    """The ways to read what a clue is about, the most plausible first.

    Attributes:
        clue: What was asked, in words.
        quantity: What is looked for.
        is_pointed: Whether the clue names a register or a value; else it may be anything.
        groups: Each holds ways that give the same numbers in all readings: these readings cannot tell them apart.
        verdict: ``clear``, ``likely``, ``open``; or ``nothing``: nothing fits, the groups are but the least bad.
    """

    clue: str
    quantity: str
    is_pointed: bool = False
    groups: tuple[tuple[Guess, ...], ...] = ()
    verdict: str = "nothing"


class DeviceFindings(Struct, kw_only=True):
    """A unit id at which something is.

    Attributes:
        unit_id: The id.
        presence: What is there.
        answers: How many requests brought a sound answer, an exception included.
        broken: How many brought something that was none.
        silent: How many brought nothing.
        timing: Of the sound answers.
        rest_s: The rest between requests that it needs; None: not measured.
        timeout_s: A time-out that leaves it room.
        identity: What it says of itself, where it was asked.
        tables: What can be read.
        rankings: What the clues may be.
        fitting: Shipped profiles that all of its readings fit, the best first.
        notes: What a technician should know.
    """

    unit_id: int
    presence: Presence = Presence.DEVICE
    answers: int = 0
    broken: int = 0
    silent: int = 0
    timing: Timing | None = None
    rest_s: float | None = None
    timeout_s: float | None = None
    identity: dict[str, str] = field(default_factory=dict)
    tables: list[TableFindings] = field(default_factory=list)
    rankings: list[Ranking] = field(default_factory=list)
    fitting: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Findings(Struct, kw_only=True):
    """All that a survey found.

    Attributes:
        where: The port or host.
        line: The kind of line and its settings, as a bus of the configuration says them; empty where none answered.
        devices: In order of unit id.
        silent_units: Unit ids that were asked and said nothing.
        tried_lines: Line settings that were tried, in words.
        any_unit: Whether the host answers alike whatever the unit id.
        requests: How many requests were sent.
        took_s: How long it took.
        ended: Why it ended.
        notes: What a technician should know.
    """

    where: str
    line: dict[str, dict[str, Any]] = field(default_factory=dict)
    devices: list[DeviceFindings] = field(default_factory=list)
    silent_units: list[int] = field(default_factory=list)
    tried_lines: list[str] = field(default_factory=list)
    any_unit: bool = False
    requests: int = 0
    took_s: float = 0.0
    ended: Ended = Ended.COMPLETE
    notes: list[str] = field(default_factory=list)
