"""Instruments that talk in lines or packets, with faults: what they say is lost, late, torn or harmed."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from siloscope_firmware_sim.faults.schedule import Faults, Kind
from siloscope_firmware_sim.lines.stream import Instrument

_LONGEST_NOISE = 8
_NOISY_SHARE = 0.5
_LATEST_S = 2.5
_HARMED_SHARE = 0.5


@dataclass(frozen=True)
class Utterance:
    """Something that an instrument said.

    Attributes:
        told: What it says, were all well.
        sent: What leaves it, at once or later.
        after_s: How much later.
    """

    told: bytes
    sent: bytes
    after_s: float


class FaultyInstrument:
    """An instrument on a line of its own that suffers from faults.

    Args:
        instrument: The good one.
        name: Its name.
        line: The name of its line, for faults of the line.
        faults: What is wrong when.
        now_s: Tells when.
        seed: For what is left to chance.
        witness: Told of all that it says.
    """

    def __init__(
        self,
        instrument: Instrument,
        name: str,
        line: str,
        faults: Faults,
        now_s: Callable[[], float],
        seed: int,
        witness: Callable[[Utterance], None] = lambda utterance: None,
    ) -> None:
        self._instrument = instrument
        self._name = name
        self._line = line
        self._faults = faults
        self._now_s = now_s
        self._chance = random.Random(seed)
        self._witness = witness
        self._later: list[tuple[float, bytes]] = []

    def feed(self, data: bytes) -> bytes:
        echo = data if self._faults.on(Kind.ECHO, self._line, self._now_s()) else b""
        return echo + self._said(self._instrument.feed(data))

    def unasked(self, elapsed_s: float) -> bytes:
        now_s = self._now_s()
        due = b"".join(said for at_s, said in self._later if at_s <= now_s)
        self._later = [each for each in self._later if each[0] > now_s]
        return due + self._said(self._instrument.unasked(elapsed_s))

    def _said(self, told: bytes) -> bytes:
        if not told:
            return b""
        now_s = self._now_s()
        sent = told
        if self._faults.on(Kind.DEAD, self._name, now_s):
            sent = b""
        if sent and self._faults.on(Kind.TORN, self._name, now_s) and self._chance.random() < _HARMED_SHARE:
            sent = sent[: self._chance.randrange(1, len(sent))]
        if sent and self._faults.on(Kind.WRONG_CHECKSUM, self._name, now_s) and self._chance.random() < _HARMED_SHARE:
            at = self._chance.randrange(len(sent))
            sent = sent[:at] + bytes((sent[at] ^ 1 << self._chance.randrange(7),)) + sent[at + 1 :]
        if sent and self._faults.on(Kind.NOISE, self._line, now_s) and self._chance.random() < _NOISY_SHARE:
            sent = self._chance.randbytes(self._chance.randint(1, _LONGEST_NOISE)) + sent
        slow = self._faults.on(Kind.SLOW, self._name, now_s)
        after_s = slow.size * self._chance.random() * _LATEST_S if slow else 0.0
        self._witness(Utterance(told, sent, after_s))
        if after_s and sent:
            self._later.append((now_s + after_s, sent))
            return b""
        return sent
