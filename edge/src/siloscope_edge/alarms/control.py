"""Asking the running agent about its alarms: a socket in the data directory, for whoever may write there."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Literal

import msgspec
import structlog
from msgspec import Struct

from siloscope_edge.alarms.trial import outputs_named, tried
from siloscope_edge.alarms.watch import AlarmWatch
from siloscope_process.clock import Clock
from siloscope_process.errors import Unavailable

_log = structlog.get_logger(__name__)
FILE_NAME = "alarms.sock"
_LONGEST_PATH = 107
_LONGEST_LINE = 4096
_ASK_WITHIN_S = 5.0
_END = b"\n"
LONGEST_TEST_S = 600.0


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked: a test of an alarm or an output, or to let go of a latched alarm."""

    do: Literal["test", "reset"]
    name: str
    for_s: float = 3.0


class Told(Struct, frozen=True):
    """A line of the answer; an empty one ends it."""

    well: bool
    line: str


async def serve(watch: AlarmWatch, directory: Path, clock: Clock) -> None:
    """Answer until cancelled; where no socket can be made, say so and let the alarms be."""
    file = directory / FILE_NAME

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _converse(watch, reader, writer, clock)
        finally:
            writer.close()

    try:
        if len(str(file)) > _LONGEST_PATH:
            raise OSError("its path is too long for a socket")
        file.unlink(missing_ok=True)  # of an agent that was killed: the directory is ours
        server = await asyncio.start_unix_server(answer, file, limit=_LONGEST_LINE)
    except OSError as error:
        _log.warning("alarm_socket_unavailable", file=str(file), detail=str(error))
        await asyncio.Event().wait()  # the agent ends with the first of its tasks
        return
    file.chmod(0o600)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        file.unlink(missing_ok=True)


async def _converse(
    watch: AlarmWatch, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, clock: Clock
) -> None:
    """Answer one request; who hangs up ends what was begun for them: a siren that is too loud must stop at Ctrl-C."""
    try:
        async with asyncio.timeout(_ASK_WITHIN_S):
            line = await reader.readline()
    except (OSError, TimeoutError, ValueError):
        return
    telling = asyncio.create_task(_tell(watch, line, writer, clock))
    hanging_up = asyncio.create_task(reader.read(1))
    try:
        await asyncio.wait([telling, hanging_up], return_when=asyncio.FIRST_COMPLETED)
    finally:
        telling.cancel()
        hanging_up.cancel()
        await asyncio.gather(telling, hanging_up, return_exceptions=True)


async def _tell(watch: AlarmWatch, line: bytes, writer: asyncio.StreamWriter, clock: Clock) -> None:
    async with aclosing(_answers(watch, line, clock)) as answers:
        async for told in answers:
            writer.write(msgspec.json.encode(told) + b"\n")
            await writer.drain()
    writer.write(_END)
    await writer.drain()


async def _answers(watch: AlarmWatch, asked: bytes, clock: Clock) -> AsyncGenerator[Told]:
    try:
        request = msgspec.json.decode(asked, type=Request)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        yield Told(well=False, line=f"not understood: {error}")
        return
    try:
        if request.do == "reset":
            well = watch.reset(request.name)
            yield Told(well, f"{request.name}: {'reset' if well else 'was not latched'}")
            return
        rules = [alarm.rule for alarm in watch.alarms.values()]
        names = outputs_named(request.name, rules, list(watch.actuators))
    except KeyError:
        yield Told(well=False, line=f"{request.name}: the running agent has no such name")
        return
    chosen = {name: watch.actuators[name] for name in names}
    async with aclosing(tried(chosen, min(request.for_s, LONGEST_TEST_S), clock)) as steps:
        async for well, line in steps:
            yield Told(well, line)


async def asked(directory: Path, request: Request) -> AsyncIterator[Told]:
    """Ask the agent that uses a data directory.

    Raises:
        OSError: None listens there.
        Unavailable: It ended before its answer did.
    """
    reader, writer = await asyncio.open_unix_connection(directory / FILE_NAME)
    try:
        writer.write(msgspec.json.encode(request) + b"\n")
        while (line := await reader.readline()) != _END:
            if not line:
                raise ConnectionResetError
            yield msgspec.json.decode(line, type=Told)
    except ConnectionError:
        raise Unavailable(
            "the agent ended before its answer did; it looks after its outputs at its next start"
        ) from None
    finally:
        writer.close()
