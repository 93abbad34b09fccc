"""An exchange over a line that nobody else has open: a serial port, a terminal server, or a Modbus TCP host."""

import asyncio
from typing import Self

from siloscope_edge.doctor.exchange import HARMLESS, IDENTIFICATION, REPORT_ID, Framing, Outcome, answer_bytes
from siloscope_edge.doctor.framing import rtu_answer, rtu_frame, rtu_outcome, tcp_answer, tcp_frame, tcp_outcome
from siloscope_edge.drivers.modbus.lines import ModbusLine, ModbusRtu, ModbusTcp
from siloscope_edge.errors import PortUnavailable
from siloscope_edge.wires import Wire
from siloscope_process.clock import Clock

_LEAST_SILENCE_S = 0.00175
_IDLE_S = 0.06
"""An answer of unknown length is over when nothing more came for so long; USB adapters deliver every 16 ms."""
_WAKE = b"\x00"
_WAKING_S = 0.005


class LineExchange:
    """The owner of a line, for as long as it is open.

    Args:
        line: Where it is.
        clock: Times answers.
        wake: Whether each request on a serial line is led by the byte 0x00, for sensors that sleep.
    """

    def __init__(self, line: ModbusLine, clock: Clock, *, wake: bool = False) -> None:
        self.where = line.where
        self.framing: Framing = "tcp" if isinstance(line, ModbusTcp) else "rtu"
        self.line = line
        self._clock = clock
        self._wake = wake and self.framing == "rtu"
        self._wire = Wire(line)
        self._transaction = 0
        self._quiet_from_s = clock.monotonic_s()
        self._character_s = 0.0
        if isinstance(line, ModbusRtu):
            bits = 1 + line.data_bits + (line.parity != "N") + line.stop_bits
            self._character_s = bits / line.baud

    async def __aenter__(self) -> Self:
        await self._wire.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the line free; closing a closed one is harmless."""
        self._wire.close()

    def wire_s(self, size_bytes: int) -> float:
        return size_bytes * self._character_s

    async def ask(self, unit_id: int, pdu: bytes, patience_s: float, *, linger_s: float = 0.0) -> Outcome:
        if pdu[0] not in HARMLESS:
            raise ValueError(f"function {pdu[0]} might change something; the doctor only reads")
        if not self._wire.is_open:
            await self._wire.open()  # a host may hang up on a unit id that it does not like
        return await (self._ask_tcp if self.framing == "tcp" else self._ask_rtu)(unit_id, pdu, patience_s, linger_s)

    async def listen(self, seconds: float) -> bytes:
        self._wire.forget()
        await self._clock.sleep(seconds)
        return self._wire.forget()

    async def _ask_tcp(self, unit_id: int, pdu: bytes, patience_s: float, _linger_s: float) -> Outcome:
        self._transaction = self._transaction % 0xFFFF + 1
        request = tcp_frame(self._transaction, unit_id, pdu)
        self._wire.forget()
        started_s = self._clock.monotonic_s()
        self._wire.write(request)
        hung_up = False
        received = b""

        def whole(buffer: bytearray) -> bool | None:
            nonlocal received
            received = bytes(buffer)
            return True if tcp_answer(request, received) else None

        try:
            await self._wire.take(whole, patience_s)
        except TimeoutError:
            pass
        except PortUnavailable:
            hung_up = True
        return tcp_outcome(request, received, self._clock.monotonic_s() - started_s, hung_up=hung_up)

    async def _ask_rtu(self, unit_id: int, pdu: bytes, patience_s: float, linger_s: float) -> Outcome:
        request = rtu_frame(unit_id, pdu)
        await self._be_silent()
        if self._wake:
            self._wire.write(_WAKE)
            await self._clock.sleep(_WAKING_S)
        unasked = self._wire.forget()
        started_s = self._clock.monotonic_s()
        self._wire.write(request)
        within_s = patience_s + self.wire_s(len(request) + answer_bytes(pdu))
        await self._taken(request, within_s, idle=pdu[0] in (REPORT_ID, IDENTIFICATION))
        took_s = self._clock.monotonic_s() - started_s
        if linger_s:
            await self._clock.sleep(linger_s)
        received = self._wire.forget()
        self._quiet_from_s = self._clock.monotonic_s()
        return rtu_outcome(request, received, took_s, unasked=unasked)

    async def _taken(self, request: bytes, within_s: float, *, idle: bool) -> None:
        """Return when the answer is there or the time is over; what came stays in the wire's buffer."""

        def whole(buffer: bytearray) -> bool | None:
            return True if rtu_answer(request, bytes(buffer)) else None

        try:
            await self._wire.take(whole, within_s)
        except TimeoutError:
            return
        while idle:
            before = self._wire.waiting
            await asyncio.sleep(_IDLE_S)
            idle = self._wire.waiting > before

    async def _be_silent(self) -> None:
        """Keep the silence of 3.5 characters that ends a frame."""
        wait_s = self._quiet_from_s + max(_LEAST_SILENCE_S, self.wire_s(7) / 2) - self._clock.monotonic_s()
        if wait_s > 0:
            await self._clock.sleep(wait_s)
