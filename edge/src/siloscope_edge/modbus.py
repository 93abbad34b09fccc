"""Modbus TCP and RTU through pymodbus: opening, asking, and telling apart the ways in which an answer fails."""

import asyncio
import struct
from collections.abc import Sequence

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from siloscope_contract.quality import Quality
from siloscope_edge.config import ModbusRtu, ModbusTcp
from siloscope_edge.errors import PortUnavailable, ReadFailed
from siloscope_edge.installation import Instrument
from siloscope_edge.profiles import WORDS, Limits, ModbusProfile
from siloscope_edge.readings import Reading, failed
from siloscope_edge.registers import Decode, Request, decoder_for, plan
from siloscope_process.clock import Clock

_CONNECT_TIMEOUT_S = 3.0
_QUIET_S = 0.1
"""Silence after a time-out on a serial line: a late answer must not be taken for the next request's."""
_BUSY = (5, 6)  # acknowledge, server device busy: ask again


class _Part:
    """A request of a device and what decodes its answer: (position of the channel, first byte, end, decoder)."""

    def __init__(self, request: Request, profile: ModbusProfile) -> None:
        self.request = request
        self.cuts: list[tuple[int, int, int, Decode]] = []
        for at in request.channels:
            channel = profile.channels[at]
            first = 2 * (channel.address - request.address)
            self.cuts.append((at, first, first + 2 * WORDS[channel.type], decoder_for(channel)))


class ModbusBus:
    """A port with Modbus devices.

    Args:
        line: Where it is.
        instruments: What is asked on it; requests and decoders are prepared once.
        clock: Paces requests.
    """

    def __init__(self, line: ModbusTcp | ModbusRtu, instruments: Sequence[Instrument], clock: Clock) -> None:
        self._line = line
        self._clock = clock
        self._client: AsyncModbusTcpClient | AsyncModbusSerialClient | None = None
        self._received = 0
        self._quiet_from_s = 0.0
        self._parts: dict[str, list[_Part]] = {}
        for instrument in instruments:
            profile = instrument.profile
            if isinstance(profile, ModbusProfile):
                requests = plan(profile.channels, profile.limits)
                self._parts[instrument.name] = [_Part(request, profile) for request in requests]

    @property
    def is_open(self) -> bool:
        return self._client is not None and bool(self._client.connected)

    async def open(self) -> None:
        self.close()
        client = self._new_client()
        try:
            connected = await client.connect()
        except (OSError, ValueError) as error:  # pyserial raises both, for a port that is not there or is locked
            raise PortUnavailable(f"{self._where}: {error}") from error
        if not connected:
            client.close()
            raise PortUnavailable(f"{self._where}: no connection")
        self._client = client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        limits = instrument.profile.limits
        readings: list[Reading] = [failed(Quality.COMM_FAILURE)] * len(instrument.profile.channels)
        refusals = []
        parts = self._parts[instrument.name]
        for part in parts:
            try:
                wire = await self._ask_patiently(part.request, instrument.device.unit_id or 0, limits)
            except ReadFailed as error:
                if not error.answered or not self.is_open:
                    raise
                refusals.append(error)
                wire = None
            for at, first, end, decode in part.cuts:
                readings[at] = decode(wire[first:end]) if wire is not None else failed(refusals[-1].quality)
        if len(refusals) == len(parts):
            raise refusals[0]
        return readings

    async def _ask_patiently(self, request: Request, unit_id: int, limits: Limits) -> bytes:
        """Ask, and again after a torn or busy answer; silence is not tried again in the same turn."""
        for tries_left in range(limits.retries, -1, -1):
            try:
                return await self._ask(request, unit_id, limits)
            except ReadFailed as error:
                hopeless = error.quality is Quality.DEVICE_EXCEPTION and not isinstance(error, _Busy)
                # pymodbus closes a TCP connection on which something undecodable came: that is for the next turn.
                if not tries_left or not error.answered or hopeless or not self.is_open:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _ask(self, request: Request, unit_id: int, limits: Limits) -> bytes:
        client = self._client
        if client is None or not client.connected:
            raise PortUnavailable(f"{self._where}: the port is gone")
        await self._rest(limits.rest_s)
        self._received = 0
        ask = client.read_holding_registers if request.table == "holding" else client.read_input_registers
        try:
            async with asyncio.timeout(limits.timeout_s):
                answer = await ask(request.address, count=request.count, device_id=unit_id)
        except TimeoutError:
            raise await self._unanswered(limits) from None
        except (ModbusException, OSError) as error:
            raise self._broken(error) from error
        finally:
            self._quiet_from_s = self._clock.monotonic_s()
        return _registers(answer, request)

    async def _rest(self, rest_s: float) -> None:
        wait_s = self._quiet_from_s + rest_s - self._clock.monotonic_s()
        if wait_s > 0:
            await self._clock.sleep(wait_s)

    async def _unanswered(self, limits: Limits) -> ReadFailed:
        if isinstance(self._line, ModbusRtu):
            await self._clock.sleep(_QUIET_S)
        if self._received:
            return ReadFailed(Quality.INVALID_FRAME, f"{self._received} bytes, but no valid answer", answered=True)
        return ReadFailed(Quality.COMM_FAILURE, f"no answer within {limits.timeout_s:g} s", answered=False)

    def _broken(self, error: Exception) -> Exception:
        if not self.is_open:
            return PortUnavailable(f"{self._where}: {error}")
        return ReadFailed(Quality.INVALID_FRAME, str(error), answered=bool(self._received))

    def _new_client(self) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        # pymodbus neither retries nor reconnects here: a device's time-out is ours, and so is a port's back-off.
        line = self._line
        if isinstance(line, ModbusTcp):
            return AsyncModbusTcpClient(
                line.host,
                port=line.port,
                timeout=_CONNECT_TIMEOUT_S,
                retries=0,
                reconnect_delay=0,
                trace_packet=self._count,
            )
        return AsyncModbusSerialClient(
            line.port,
            framer=FramerType.RTU,
            baudrate=line.baud,
            parity=line.parity,
            stopbits=line.stop_bits,
            timeout=_CONNECT_TIMEOUT_S,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._count,
        )

    def _count(self, sending: bool, data: bytes) -> bytes:
        if not sending:
            self._received += len(data)
        return data

    @property
    def _where(self) -> str:
        line = self._line
        return f"{line.host}:{line.port}" if isinstance(line, ModbusTcp) else line.port


class _Busy(ReadFailed):
    """The device is there and asks for patience."""


def _registers(answer: ModbusPDU, request: Request) -> bytes:
    if answer.isError():
        code = answer.exception_code
        kind = _Busy if code in _BUSY else ReadFailed
        raise kind(Quality.DEVICE_EXCEPTION, f"exception {code}", answered=True)
    if len(answer.registers) != request.count:
        detail = f"{len(answer.registers)} registers instead of {request.count}"
        raise ReadFailed(Quality.INVALID_FRAME, detail, answered=True)
    return struct.pack(f">{request.count}H", *answer.registers)
