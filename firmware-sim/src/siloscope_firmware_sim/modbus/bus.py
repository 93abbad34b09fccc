"""The two-wire bus and the slaves on it: a request frame goes in, what comes back on the wire comes out.

`Wire` is the seam between instruments and ports: the ports know nothing else, so that a wire with faults can take the
place of a good one without either side noticing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from siloscope_firmware_sim.modbus import requests
from siloscope_firmware_sim.modbus.checksum import intact, sealed
from siloscope_firmware_sim.modbus.framing import on_the_wire_s
from siloscope_firmware_sim.modbus.requests import Device

BROADCAST = 0x00
_WRITES = (requests.WRITE_ONE, requests.WRITE_MANY, requests.WRITE_COIL, requests.WRITE_COILS)


@dataclass(frozen=True)
class Answer:
    """What comes back on the wire.

    Attributes:
        frame: The bytes.
        after_s: Seconds from the end of the request, as the master sees them.
    """

    frame: bytes
    after_s: float


class Wire(Protocol):
    """What a port needs of the bus behind it."""

    def exchange(self, frame: bytes) -> Answer | None:
        """Put a request on the wire; None is silence."""
        ...

    def spontaneous(self, elapsed_s: float) -> list[bytes]:
        """Return frames that slaves send unasked, ``elapsed_s`` after the last time they were asked for them."""
        ...


class Slave(Protocol):
    """An instrument with an address."""

    @property
    def device(self) -> Device: ...

    def hears(self, unit_id: int, pdu: bytes) -> bool:
        """Say whether it answers a request to this unit id."""
        ...

    def unasked(self, elapsed_s: float) -> bytes | None:
        """Return the unit id and PDU it sends by itself, if any."""
        ...


class SerialBus:
    """An RS-485 pair with slaves on it.

    Args:
        slaves: The instruments.
        baud: Speed of the wire; answers take the time that their bytes need.
        turnaround_s: Time a slave takes before it answers.
    """

    def __init__(self, slaves: Sequence[Slave], *, baud: int, turnaround_s: float = 0.005) -> None:
        self._slaves = slaves
        self._baud = baud
        self._turnaround_s = turnaround_s

    def exchange(self, frame: bytes) -> Answer | None:
        frame = _awake(frame)
        if not intact(frame):
            return None
        unit_id, pdu = frame[0], frame[1:-2]
        if unit_id == BROADCAST:
            self._broadcast(pdu)
            return None
        bodies = [requests.answer(slave.device, pdu) for slave in self._slaves if slave.hears(unit_id, pdu)]
        frames = [sealed(bytes((unit_id,)) + body) for body in bodies if body is not None]
        if not frames:
            return None
        together = _collided(frames)
        return Answer(together, self._turnaround_s + on_the_wire_s(len(frame) + len(together), self._baud))

    def spontaneous(self, elapsed_s: float) -> list[bytes]:
        bodies = [slave.unasked(elapsed_s) for slave in self._slaves]
        return [sealed(body) for body in bodies if body is not None]

    def _broadcast(self, pdu: bytes) -> None:
        if pdu[0] in _WRITES:
            for slave in self._slaves:
                requests.answer(slave.device, pdu)


def _awake(frame: bytes) -> bytes:
    """Drop the 0x00 that some masters send to wake a sleeping slave, where it ran into the request behind it."""
    return frame[1:] if frame[:1] == b"\0" and not intact(frame) and intact(frame[1:]) else frame


def _collided(frames: Sequence[bytes]) -> bytes:
    """Return what a master reads when several slaves drive the pair at once: a low bit wins, the CRC breaks."""
    longest = max(len(frame) for frame in frames)
    merged = bytearray(b"\xff" * longest)
    for frame in frames:
        for at, byte in enumerate(frame):
            merged[at] &= byte
    return bytes(merged)
