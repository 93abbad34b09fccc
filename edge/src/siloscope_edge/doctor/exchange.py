"""What the doctor needs of a bus: to put one request on it, and to be told all that came back.

The owner of the port gives it. `siloscope_edge.doctor.line_exchange` makes one of a line that nobody else has open; an
owner that goes on reading its devices may give one of its own that waits for its turn.
"""

from typing import Literal, Protocol

from msgspec import Struct

from siloscope_edge.errors import Trouble

READ_COILS = 1
READ_DISCRETE = 2
READ_HOLDING = 3
READ_INPUT = 4
REPORT_ID = 17
IDENTIFICATION = 43
HARMLESS = frozenset((READ_COILS, READ_DISCRETE, READ_HOLDING, READ_INPUT, REPORT_ID, IDENTIFICATION))
"""The function codes that the doctor ever sends; none of them changes anything in a device."""

SILENT_BEHIND_GATEWAY = (10, 11)
"""A gateway's own words: no path there, or the device behind it is silent. They prove no device."""

Framing = Literal["rtu", "tcp"]


class Outcome(Struct, frozen=True):
    """What a request brought.

    Attributes:
        pdu: The answer, an exception included; empty where none was sound.
        trouble: What came instead of the answer, or before it.
        raw: All bytes that came.
        took_s: From the request's first byte to the answer's last, or to giving up.
        again: A second sound answer came behind the first: two devices have this unit id.
        late: Unit ids of sound answers in ``raw`` that are not the asked one: a late answer, or somebody who talks.
        hung_up: The TCP host closed the connection.
    """

    pdu: bytes = b""
    trouble: Trouble | None = None
    raw: bytes = b""
    took_s: float = 0.0
    again: bool = False
    late: tuple[int, ...] = ()
    hung_up: bool = False

    @property
    def exception(self) -> int | None:
        """The exception's code, where it is one."""
        return self.pdu[1] if len(self.pdu) == 2 and self.pdu[0] & 0x80 else None

    @property
    def is_alive(self) -> bool:
        """Whether a device proved that it is there: by a sound answer, or by an exception of its own."""
        return bool(self.pdu) and self.exception not in SILENT_BEHIND_GATEWAY

    @property
    def content(self) -> bytes:
        """The registers or bits of an answer to a read; empty where it is none."""
        return self.pdu[2:] if len(self.pdu) > 2 and self.pdu[0] in (1, 2, 3, 4) else b""

    @property
    def is_broken(self) -> bool:
        """Whether something came in which no sound answer was."""
        return not self.pdu and self.trouble not in (None, Trouble.NO_ANSWER, Trouble.ECHO, Trouble.UNSOLICITED)


class Exchange(Protocol):
    """An opened bus; one request at a time.

    Attributes:
        where: The port or host, for people.
        framing: How requests stand on it.
    """

    where: str
    framing: Framing

    def wire_s(self, size_bytes: int) -> float:
        """Return how long so many bytes take on the wire; 0 where that is unknown."""
        ...

    async def ask(self, unit_id: int, pdu: bytes, patience_s: float, *, linger_s: float = 0.0) -> Outcome:
        """Ask, and wait for the answer as long as both take on the wire and ``patience_s`` more.

        Args:
            unit_id: Who is asked.
            pdu: Function code and what belongs to it; only `HARMLESS` ones.
            patience_s: How long the device may think.
            linger_s: How long it listens on behind an answer, for a second one.

        Raises:
            PortUnavailable: The port is gone.
        """
        ...

    async def listen(self, seconds: float) -> bytes:
        """Return what comes although nobody asks.

        Raises:
            PortUnavailable: The port is gone.
        """
        ...


def read_pdu(function: int, address: int, count: int) -> bytes:
    """Return the request for registers or bits."""
    return bytes((function,)) + address.to_bytes(2) + count.to_bytes(2)


def answer_bytes(pdu: bytes) -> int:
    """Return how many bytes the whole answer to a request has on a serial line, as far as that is known before."""
    if pdu[0] in (READ_COILS, READ_DISCRETE):
        return 5 + (int.from_bytes(pdu[3:5]) + 7) // 8
    if pdu[0] in (READ_HOLDING, READ_INPUT):
        return 5 + 2 * int.from_bytes(pdu[3:5])
    return 64
