"""A bus with faults in the place of a good one, as `modbus.bus.Wire` foresees it."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from siloscope_firmware_sim.faults.schedule import Faults, Kind
from siloscope_firmware_sim.modbus.bus import Answer, Wire
from siloscope_firmware_sim.modbus.checksum import sealed

DEVICE_BUSY = 0x06
_EXCEPTIONS = (0x01, 0x02, 0x03, 0x04, DEVICE_BUSY)
_LONGEST_NOISE = 12
_NOISY_SHARE = 0.5
_LATEST_S = 2.5
"""The slowest answer; a master that asks the same again must wait longer, or take it for the other's."""


@dataclass(frozen=True)
class Exchange:
    """A request that reached an instrument.

    Attributes:
        device: Whom it was for.
        request: The frame.
        told: What the instrument says, were all well.
        sent: What comes back on the wire; None is silence.
    """

    device: str
    request: bytes
    told: Answer
    sent: Answer | None


class FaultyWire:
    """A bus whose instruments, and itself, suffer from faults.

    Args:
        wire: The good one.
        name: Its name, for faults of the line.
        devices: Names of its instruments by unit id, for theirs.
        faults: What is wrong when.
        now_s: Tells when.
        seed: For what is left to chance.
        witness: Told of every request that an instrument heard.
    """

    def __init__(
        self,
        wire: Wire,
        name: str,
        devices: Mapping[int, str],
        faults: Faults,
        now_s: Callable[[], float],
        seed: int,
        witness: Callable[[Exchange], None] = lambda exchange: None,
    ) -> None:
        self._wire = wire
        self._name = name
        self._devices = devices
        self._faults = faults
        self._now_s = now_s
        self._chance = random.Random(seed)
        self._witness = witness

    def exchange(self, frame: bytes) -> Answer | None:
        answer = self._wire.exchange(frame)
        if answer is None:
            return None
        device = self._devices.get(answer.frame[0], "")
        sent = self._sent(device, answer)
        if sent is not None:
            sent = self._on_the_line(sent, frame)
        self._witness(Exchange(device, frame, answer, sent))
        return sent

    def spontaneous(self, elapsed_s: float) -> list[bytes]:
        frames = self._wire.spontaneous(elapsed_s)
        if self._faults.on(Kind.NOISE, self._name, self._now_s()) and self._chance.random() < _NOISY_SHARE:
            frames.append(self._noise())
        return frames

    def _sent(self, device: str, answer: Answer) -> Answer | None:
        """Return what the instrument lets out."""
        now_s = self._now_s()
        if self._faults.on(Kind.DEAD, device, now_s):
            return None
        frame, after_s = answer.frame, answer.after_s
        if self._faults.on(Kind.EXCEPTIONS, device, now_s):
            frame = sealed(bytes((frame[0], frame[1] | 0x80, self._chance.choice(_EXCEPTIONS))))
        if self._faults.on(Kind.TORN, device, now_s):
            frame = frame[: self._chance.randrange(1, len(frame))]
        if self._faults.on(Kind.WRONG_CHECKSUM, device, now_s):
            at, bit = self._chance.randrange(len(frame)), self._chance.randrange(8)
            frame = frame[:at] + bytes((frame[at] ^ 1 << bit,)) + frame[at + 1 :]
        if slow := self._faults.on(Kind.SLOW, device, now_s):
            after_s += slow.size * self._chance.random() * _LATEST_S
        return Answer(frame, after_s)

    def _on_the_line(self, answer: Answer, request: bytes) -> Answer:
        now_s = self._now_s()
        before = b""
        if self._faults.on(Kind.ECHO, self._name, now_s):
            before = request
        if self._faults.on(Kind.NOISE, self._name, now_s) and self._chance.random() < _NOISY_SHARE:
            before += self._noise()
        return Answer(before + answer.frame, answer.after_s)

    def _noise(self) -> bytes:
        return self._chance.randbytes(self._chance.randint(1, _LONGEST_NOISE))
