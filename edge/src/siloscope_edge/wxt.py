"""Vaisala transmitters on a serial port: pyserial on the event loop, a query and a line at a time."""

import asyncio
from collections.abc import Sequence

import serial

from siloscope_contract.quality import Quality
from siloscope_edge.config import Wxt
from siloscope_edge.errors import PortUnavailable, ReadFailed
from siloscope_edge.installation import Instrument
from siloscope_edge.profiles import FieldChannel
from siloscope_edge.readings import Judge, Reading, failed, judge_for
from siloscope_edge.wxt_lines import command, fields
from siloscope_process.clock import Clock

_LONGEST_LINE = 1024


class WxtBus:
    """A serial port with transmitters in their polled ASCII protocol.

    The port is not blocking and its descriptor is watched by the loop: no thread, nothing to wait for at the end.

    Args:
        line: Where it is.
        instruments: What is asked on it.
        clock: Paces queries.
    """

    def __init__(self, line: Wxt, instruments: Sequence[Instrument], clock: Clock) -> None:
        self._line = line
        self._clock = clock
        self._port: serial.Serial | None = None
        self._buffer = bytearray()
        self._waiting: asyncio.Future[bytes] | None = None
        self._quiet_from_s = 0.0
        self._judges: dict[str, list[tuple[FieldChannel, Judge]]] = {
            instrument.name: [
                (channel, judge_for(channel))
                for channel in instrument.profile.channels
                if isinstance(channel, FieldChannel)
            ]
            for instrument in instruments
        }

    @property
    def is_open(self) -> bool:
        return self._port is not None

    async def open(self) -> None:
        self.close()
        line = self._line
        try:
            self._port = serial.Serial(
                line.port,
                baudrate=line.baud,
                parity=line.parity,
                stopbits=line.stop_bits,
                timeout=0,
                write_timeout=0,
                exclusive=True,
            )
        except (OSError, ValueError) as error:
            raise PortUnavailable(f"{line.port}: {error}") from error
        asyncio.get_running_loop().add_reader(self._port.fileno(), self._readable)

    def close(self) -> None:
        if self._port is not None:
            asyncio.get_running_loop().remove_reader(self._port.fileno())
            self._port.close()
            self._port = None

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        judges = self._judges[instrument.name]
        answers: dict[str, dict[str, float | None] | ReadFailed] = {}
        for query in dict.fromkeys(channel.query.lower() for channel, _ in judges):
            try:
                answers[query] = await self._ask_patiently(instrument, query)
            except ReadFailed as error:
                if not error.answered:
                    raise
                answers[query] = error
        refusals = [answer for answer in answers.values() if isinstance(answer, ReadFailed)]
        if len(refusals) == len(answers):
            raise refusals[0]
        return [_reading(answers[channel.query.lower()], channel, judge) for channel, judge in judges]

    async def _ask_patiently(self, instrument: Instrument, query: str) -> dict[str, float | None]:
        address = instrument.device.address or "0"
        for tries_left in range(instrument.profile.limits.retries, -1, -1):
            try:
                line = await self._ask(command(address, query), instrument)
                return fields(line, address, query)
            except ReadFailed as error:
                if not tries_left or not error.answered:
                    raise
        raise AssertionError("the last try returns or raises")

    async def _ask(self, query: bytes, instrument: Instrument) -> bytes:
        limits = instrument.profile.limits
        wait_s = self._quiet_from_s + limits.rest_s - self._clock.monotonic_s()
        if wait_s > 0:
            await self._clock.sleep(wait_s)
        if self._port is None:
            raise PortUnavailable(f"{self._line.port}: the port is gone")
        self._buffer.clear()
        self._waiting = asyncio.get_running_loop().create_future()
        try:
            self._port.write(query)
            async with asyncio.timeout(limits.timeout_s):
                return await self._waiting
        except TimeoutError:
            heard = bytes(self._buffer[:80])
            if heard:
                raise ReadFailed(Quality.INVALID_FRAME, f"{heard!r} without an end", answered=True) from None
            raise ReadFailed(Quality.COMM_FAILURE, f"no answer within {limits.timeout_s:g} s", answered=False) from None
        except OSError as error:  # SerialException is one
            raise PortUnavailable(f"{self._line.port}: {error}") from error
        finally:
            self._waiting = None
            self._quiet_from_s = self._clock.monotonic_s()

    def _readable(self) -> None:
        if self._port is None:
            return
        try:
            self._buffer += self._port.read(_LONGEST_LINE)
        except OSError as error:
            waiting = self._waiting
            self._waiting = None
            self.close()
            if waiting is not None and not waiting.done():
                waiting.set_exception(PortUnavailable(f"{self._line.port}: {error}"))
            return
        if len(self._buffer) > _LONGEST_LINE:
            self._buffer.clear()  # noise: no line is that long
        end = self._buffer.find(b"\n")
        if end >= 0 and self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(bytes(self._buffer[: end + 1]))


def _reading(answer: dict[str, float | None] | ReadFailed, channel: FieldChannel, judge: Judge) -> Reading:
    if isinstance(answer, ReadFailed):
        return failed(answer.quality)
    if channel.field not in answer:
        return failed(Quality.SENSOR_MISSING)  # the transmitter is not set up to report it
    value = answer[channel.field]
    return judge(value) if value is not None else failed(Quality.DEVICE_EXCEPTION)
