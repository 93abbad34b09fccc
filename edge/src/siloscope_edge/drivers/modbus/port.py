"""Modbus TCP, RTU and RTU over TCP through pymodbus: opening, asking, and telling apart how an answer fails."""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU
from pymodbus.transport.serialtransport import SerialTransport

from siloscope_contract.quality import Quality
from siloscope_edge.adapters import PortFinder
from siloscope_edge.driver import Note
from siloscope_edge.drivers.modbus import writing
from siloscope_edge.drivers.modbus.answers import DeviceBusy, require_accepted
from siloscope_edge.drivers.modbus.blocks import blocks
from siloscope_edge.drivers.modbus.device import ModbusDevice
from siloscope_edge.drivers.modbus.frames import Expected, answer_in, expected_after, trouble_with
from siloscope_edge.drivers.modbus.lines import ModbusLine, ModbusRtu, ModbusTcp
from siloscope_edge.drivers.modbus.output import ModbusOutput
from siloscope_edge.drivers.modbus.profile import BIT_TABLES, ModbusProfile, RegisterLimits
from siloscope_edge.drivers.modbus.registers import Request, plan
from siloscope_edge.errors import PortUnavailable, ReadFailed, Trouble
from siloscope_edge.instruments import Instrument
from siloscope_edge.readings import Columns, Reading
from siloscope_edge.wires import turned_by_rts
from siloscope_process.clock import Clock

T = TypeVar("T")
Client = AsyncModbusTcpClient | AsyncModbusSerialClient
_CONNECT_TIMEOUT_S = 3.0
_QUIET_S = 0.1
"""Silence after a time-out on a serial line: a late answer must not be taken for the next request's."""
_ASKS = {
    "holding": "read_holding_registers",
    "input": "read_input_registers",
    "coil": "read_coils",
    "discrete": "read_discrete_inputs",
}
_WAKE = b"\x00"
_WAKING_S = 0.005
_TORN = (Trouble.SHORT_FRAME, Trouble.WRONG_CHECKSUM, Trouble.NOISE)
_KEPT_BYTES = 1024
"""More than pymodbus keeps of what is not yet a frame: an answer may come behind long noise."""


class _Part:
    """A request of a device, and what decodes its answer."""

    def __init__(self, request: Request, profile: ModbusProfile, unit_id: int) -> None:
        self.ask = partial(_asked, request, unit_id)
        self.channels = request.channels
        self.blocks = blocks(request, profile.channels)


class _Slave:
    """A device, and what is asked of it."""

    def __init__(self, device: ModbusDevice, profile: ModbusProfile) -> None:
        self.name = device.name
        self.unit_id = device.unit_id
        self.limits = profile.limits
        self.wake = profile.wake
        self.channels = len(profile.channels)
        self.parts = [_Part(request, profile, device.unit_id) for request in plan(profile.channels, profile.limits)]


class ModbusBus:
    """A port with Modbus devices.

    Args:
        line: Where it is.
        instruments: What is asked on it; requests and decoders are prepared once.
        clock: Paces requests.
        note: Counts troubles.
    """

    def __init__(self, line: ModbusLine, instruments: Sequence[Instrument], clock: Clock, note: Note) -> None:
        self._line = line
        self._clock = clock
        self._note = note
        self._client: Client | None = None
        self._finder = PortFinder(line.port) if isinstance(line, ModbusRtu) else None
        self._received = b""
        self._expected: Expected | None = None
        self._asked = ""
        self._echoes = False
        self._quiet_from_s = 0.0
        self._slaves: dict[str, _Slave] = {}
        for instrument in instruments:
            device, profile = instrument.device, instrument.profile
            if isinstance(profile, ModbusProfile) and isinstance(device, ModbusDevice):
                self._slaves[instrument.name] = _Slave(device, profile)
        longest_s = max((slave.limits.timeout_s for slave in self._slaves.values()), default=0)
        self._timeout_s = max(_CONNECT_TIMEOUT_S, longest_s + 1)  # the device's own ends before it

    @property
    def is_open(self) -> bool:
        return self._client is not None and bool(self._client.connected)

    async def open(self) -> None:
        self.close()
        client = self._new_client()
        try:
            connected = await client.connect()
        except (OSError, ValueError) as error:  # pyserial raises both, for a port that is not there or is locked
            raise PortUnavailable(f"{self._line.where}: {error}") from error
        if not connected:
            client.close()
            raise PortUnavailable(f"{self._line.where}: no connection")
        if isinstance(self._line, ModbusRtu) and isinstance(client.ctx.transport, SerialTransport):
            try:
                turned_by_rts(client.ctx.transport.sync_serial, self._line)
            except ValueError as error:
                client.close()
                raise PortUnavailable(f"{self._line.where}: {error}") from error
        client.ctx.max_buffer_size = _KEPT_BYTES
        self._client = client

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        slave = self._slaves[instrument.name]
        values: list[float | None] = [None] * slave.channels
        quality = [int(Quality.COMM_FAILURE)] * slave.channels
        refusals: list[ReadFailed] = []
        for at_part, part in enumerate(slave.parts):
            wire = None
            try:
                wire = await self._patiently(slave, part.ask)
            except (ReadFailed, PortUnavailable) as error:
                if not isinstance(error, ReadFailed) or not self._is_word_of(error):
                    if len(refusals) == at_part:
                        raise
                    break  # what was had stands; the rest is not asked for any more: others are due
                refusals.append(error)
            if wire is None:
                for at in part.channels:
                    quality[at] = int(refusals[-1].quality)
                continue
            for block in part.blocks:
                block.read(wire, values, quality)
        if len(refusals) == len(slave.parts):
            raise refusals[0]
        return Columns(values, quality)

    def _is_word_of(self, error: ReadFailed) -> bool:
        """Say whether a device refused at once: silence, and answers that are torn again and again, cost time-outs."""
        return error.answered and self.is_open and error.trouble not in _TORN

    async def switch(self, instrument: Instrument, output: ModbusOutput, *, on: bool) -> None:
        slave = self._slaves[instrument.name]
        await self._patiently(slave, lambda client: writing.written(client, slave.unit_id, output, on=on))

    async def is_on(self, instrument: Instrument, output: ModbusOutput) -> bool | None:
        slave = self._slaves[instrument.name]
        return await self._patiently(slave, lambda client: writing.read_back(client, slave.unit_id, output))

    async def _patiently(self, slave: _Slave, ask: Callable[[Client], Awaitable[T]]) -> T:
        """Ask, and again after a torn or busy answer; silence is not tried again in the same turn."""
        for tries_left in range(slave.limits.retries, -1, -1):
            try:
                return await self._exchange(slave, ask)
            except ReadFailed as error:
                self._note(slave.name, error.trouble)
                hopeless = error.quality is Quality.DEVICE_EXCEPTION and not isinstance(error, DeviceBusy)
                # pymodbus closes a TCP connection on which something undecodable came: that is for the next turn.
                if not tries_left or not error.answered or hopeless or not self.is_open:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _exchange(self, slave: _Slave, ask: Callable[[Client], Awaitable[T]]) -> T:
        client = self._client
        if client is None or not client.connected:
            raise PortUnavailable(f"{self._line.where}: the port is gone")
        await self._rest(slave.limits.rest_s)
        if slave.wake and not isinstance(self._line, ModbusTcp):
            client.ctx.send(_WAKE)
            await self._clock.sleep(_WAKING_S)
        self._received, self._expected, self._asked = b"", None, slave.name
        try:
            async with asyncio.timeout(slave.limits.timeout_s):
                return await ask(client)
        except TimeoutError:
            raise await self._unanswered(slave.limits) from None
        except (ModbusException, OSError) as error:
            raise self._broken(error) from error
        finally:
            self._expected = None
            self._quiet_from_s = self._clock.monotonic_s()

    async def _rest(self, rest_s: float) -> None:
        wait_s = self._quiet_from_s + rest_s - self._clock.monotonic_s()
        if wait_s > 0:
            await self._clock.sleep(wait_s)

    async def _unanswered(self, limits: RegisterLimits) -> ReadFailed:
        expected = self._expected
        if not isinstance(self._line, ModbusTcp):
            await self._clock.sleep(_QUIET_S)
        trouble = trouble_with(self._received, expected) if expected is not None else Trouble.SHORT_FRAME
        if self._received and trouble in _TORN:
            detail = f"{len(self._received)} bytes, but no valid answer"
            # Bytes in which nothing of an answer is seen are the line's: a dead device on a noisy line rests as any.
            return ReadFailed(Quality.INVALID_FRAME, detail, answered=trouble is not Trouble.NOISE, trouble=trouble)
        self._echoes = self._echoes or trouble is Trouble.ECHO
        if self._received:
            self._note(self._asked, trouble)  # an echo, or a frame of another: the device itself said nothing
        return ReadFailed(Quality.COMM_FAILURE, f"no answer within {limits.timeout_s:g} s", answered=False)

    def _broken(self, error: Exception) -> Exception:
        if not self.is_open:
            return PortUnavailable(f"{self._line.where}: {error}")
        return ReadFailed(Quality.INVALID_FRAME, str(error), answered=bool(self._received), trouble=Trouble.NOISE)

    def _new_client(self) -> Client:
        # pymodbus neither retries nor reconnects here: a device's time-out is ours, and so is a port's back-off.
        line = self._line
        if isinstance(line, ModbusRtu):
            return AsyncModbusSerialClient(
                self._finder.path() if self._finder is not None else line.port,
                framer=FramerType.RTU,
                baudrate=line.baud,
                parity=line.parity,
                stopbits=line.stop_bits,
                bytesize=line.data_bits,
                timeout=self._timeout_s,
                retries=0,
                reconnect_delay=0,
                trace_packet=self._sifted,
            )
        return AsyncModbusTcpClient(
            line.host,
            port=line.port,
            framer=FramerType.SOCKET if isinstance(line, ModbusTcp) else FramerType.RTU,
            timeout=self._timeout_s,
            retries=0,
            reconnect_delay=0,
            trace_packet=self._seen if isinstance(line, ModbusTcp) else self._sifted,
        )

    def _seen(self, sending: bool, data: bytes) -> bytes:
        if not sending:
            self._received = data
        return data

    def _sifted(self, sending: bool, data: bytes) -> bytes:
        """Give pymodbus the answer alone, without what a two-wire bus delivers around it."""
        if sending:
            self._expected = expected_after(data, echoes=self._echoes)
            return data
        self._received = data
        if self._expected is None:
            return b""
        frame, before = answer_in(data, self._expected)
        if before is not None:
            self._echoes = self._echoes or before is Trouble.ECHO
            self._note(self._asked, before)
        return frame


async def _asked(request: Request, unit_id: int, client: Client) -> bytes:
    ask = getattr(client, _ASKS[request.table])
    return _content(await ask(request.address, count=request.count, device_id=unit_id), request)


def _content(answer: ModbusPDU, request: Request) -> bytes:
    """Return two bytes for each register as they stood on the wire, or one for each bit.

    Raises:
        ReadFailed: The device refused, or answered something else.
    """
    require_accepted(answer)
    if request.table in BIT_TABLES:
        bits = answer.bits
        if not request.count <= len(bits) <= (request.count + 7) // 8 * 8:  # filled up to whole bytes
            raise _other_size(f"{len(bits)} bits", request)
        return bytes(bits[: request.count])
    if len(answer.registers) != request.count:
        raise _other_size(f"{len(answer.registers)} registers", request)
    return struct.pack(f">{request.count}H", *answer.registers)


def _other_size(found: str, request: Request) -> ReadFailed:
    return ReadFailed(Quality.INVALID_FRAME, f"{found} instead of {request.count}", answered=True)
