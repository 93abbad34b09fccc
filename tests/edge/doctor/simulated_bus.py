"""A bus in simulated time: real frames of simulated instruments, character times, and no waiting."""

from collections.abc import Callable, Mapping

from siloscope_edge.doctor.exchange import Framing, Outcome, answer_bytes
from siloscope_edge.doctor.framing import rtu_frame, rtu_outcome, tcp_frame, tcp_outcome
from siloscope_process.clock import ManualClock

Answer = Callable[[bytes], tuple[bytes, float] | None]
"""What a unit says to a PDU, and after how many seconds; None for silence."""


class QuickClock(ManualClock):
    """Waiting moves the clock, at once."""

    async def sleep(self, seconds: float) -> None:
        self.advance(max(0.0, seconds))


class SimulatedBus:
    """An exchange whose devices are told what to say.

    Args:
        clock: Is moved by what passes on the wire.
        units: What each unit id says; others are silent.
        baud: Speed of the wire; 0: a TCP host.

    Attributes:
        asked: Every request: unit id and PDU.
        around: Bytes before each answer, by unit id.
        spoil: Changes the bytes that come back.
        needs_rest_s: A request that comes sooner after an answer is not heard.
    """

    def __init__(self, clock: QuickClock, units: Mapping[int, Answer], *, baud: int = 9600) -> None:
        self.where = "simulated"
        self.framing: Framing = "rtu" if baud else "tcp"
        self.asked: list[tuple[int, bytes]] = []
        self.spoil: Callable[[int, bytes, bytes], bytes] = lambda unit, pdu, frame: frame
        self.needs_rest_s = 0.0
        self.unasked = b""
        self._clock = clock
        self._units = units
        self._baud = baud
        self._quiet_from_s = -1.0
        self._pending = b""

    def wire_s(self, size_bytes: int) -> float:
        return size_bytes * 10 / self._baud if self._baud else 0.0

    async def listen(self, seconds: float) -> bytes:
        self._clock.advance(seconds)
        return self.unasked

    async def ask(self, unit_id: int, pdu: bytes, patience_s: float, *, linger_s: float = 0.0) -> Outcome:
        began_s = self._clock.monotonic_s()
        self.asked.append((unit_id, pdu))
        rested = began_s - self._quiet_from_s >= self.needs_rest_s
        said = self._units[unit_id](pdu) if unit_id in self._units and rested else None
        request = rtu_frame(unit_id, pdu) if self._baud else tcp_frame(1, unit_id, pdu)
        within_s = patience_s + self.wire_s(len(request) + answer_bytes(pdu))
        unasked, self._pending = self._pending, b""
        received = b""
        if said is None:
            self._clock.advance(within_s)
        else:
            frame = rtu_frame(unit_id, said[0]) if self._baud else tcp_frame(1, unit_id, said[0])
            frame = self.spoil(unit_id, pdu, frame)
            after_s = said[1] + self.wire_s(len(request) + len(frame))
            if after_s > within_s:
                self._pending = frame
                self._clock.advance(within_s)
            else:
                received = frame
                self._clock.advance(after_s)
        took_s = self._clock.monotonic_s() - began_s
        self._clock.advance(linger_s)
        self._quiet_from_s = self._clock.monotonic_s()
        if not self._baud:
            return tcp_outcome(request, received, took_s)
        return rtu_outcome(request, received, took_s, unasked=unasked)


class Registers:
    """A device with registers.

    Args:
        tables: Words by function code and address.
        most: Most registers a request may ask for.
        fills_gaps: Whether a request may run across addresses that it does not have.
        think_s: How long it thinks.
        single: Whether one register alone can be asked for.
    """

    def __init__(
        self,
        tables: Mapping[int, Mapping[int, int]],
        *,
        most: int = 125,
        fills_gaps: bool = False,
        think_s: float = 0.02,
        single: bool = True,
    ) -> None:
        self.tables = tables
        self._most = most
        self._fills_gaps = fills_gaps
        self._think_s = think_s
        self._single = single

    def __call__(self, pdu: bytes) -> tuple[bytes, float] | None:
        return self._answer(pdu), self._think_s

    def _answer(self, pdu: bytes) -> bytes:
        function = pdu[0]
        if function not in self.tables:
            return bytes((function | 0x80, 1))
        stood = self.tables[function]
        address, count = int.from_bytes(pdu[1:3]), int.from_bytes(pdu[3:5])
        if not 1 <= count <= self._most or (count == 1 and not self._single):
            return bytes((function | 0x80, 3))
        wanted = range(address, address + count)
        missing = [at for at in wanted if at not in stood]
        if missing and (not self._fills_gaps or {address, address + count - 1} & set(missing)):
            return bytes((function | 0x80, 2))
        if function in (1, 2):
            packed = sum(stood.get(at, 0) << number for number, at in enumerate(wanted))
            content = packed.to_bytes((count + 7) // 8, "little")
        else:
            content = b"".join(stood.get(at, 0).to_bytes(2) for at in wanted)
        return bytes((function, len(content))) + content
