"""What all drivers on a plain wire share: rest, echo, time-out, further tries, and naming what went wrong."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from siloscope_contract.quality import Quality
from siloscope_edge.driver import Note
from siloscope_edge.errors import PortUnavailable, ReadFailed, Trouble
from siloscope_edge.instruments import Instrument
from siloscope_edge.wires import Line, Take, Wire
from siloscope_process.clock import Clock

K = TypeVar("K")
T = TypeVar("T")
_SHOWN_BYTES = 80


class Asker:
    """The owner of a wire.

    Args:
        line: Where it is.
        clock: Paces requests.
        note: Counts troubles.
    """

    def __init__(self, line: Line, clock: Clock, note: Note) -> None:
        self.wire = Wire(line)
        self.clock = clock
        self.note = note
        self._quiet_from_s = 0.0

    @property
    def is_open(self) -> bool:
        return self.wire.is_open

    async def open(self) -> None:
        await self.wire.open()

    def close(self) -> None:
        self.wire.close()

    async def patiently(self, instrument: Instrument, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask, and again after a torn answer; silence is not tried again in the same turn."""
        for tries_left in range(instrument.profile.limits.retries, -1, -1):
            try:
                return await ask()
            except ReadFailed as error:
                self.note(instrument.name, error.trouble)
                if not tries_left or not error.answered or error.trouble is Trouble.EXCEPTION:
                    raise
        raise AssertionError("the last try returns or raises")

    async def line_after(self, instrument: Instrument, query: bytes, end: bytes) -> bytes:
        """Return the line, with its end, that follows a query."""
        return await self.answer(instrument, query, lambda buffer: line_from(buffer, end))

    async def answer(
        self,
        instrument: Instrument,
        query: bytes,
        take: Take[T],
        *,
        timeout_s: float | None = None,
        echoes: bool = True,
    ) -> T:
        """Send a query and return what ``take`` finds behind its echo, if an adapter sends one back.

        Args:
            instrument: Whose limits hold.
            query: What is sent.
            take: Finds the answer.
            timeout_s: How long it may take, if not as long as the limits say.
            echoes: Whether the answer can be told from an echo; false where it begins as the query does.

        Raises:
            ReadFailed: It found nothing in time.
            PortUnavailable: The port is gone.
        """
        limits = instrument.profile.limits
        wait_s = self._quiet_from_s + limits.rest_s - self.clock.monotonic_s()
        if wait_s > 0:
            await self.clock.sleep(wait_s)
        if self.wire.forget():
            self.note(instrument.name, Trouble.UNSOLICITED)
        self.wire.write(query)
        behind = _behind_echo(query, take, self._echoed(instrument)) if echoes else take
        return await self.heard(instrument, behind, timeout_s)

    async def heard(self, instrument: Instrument, take: Take[T], timeout_s: float | None = None) -> T:
        """Return what ``take`` finds in what comes.

        Raises:
            ReadFailed: It found nothing in time.
            PortUnavailable: The port is gone.
        """
        within_s = timeout_s or instrument.profile.limits.timeout_s
        try:
            return await self.wire.take(take, within_s)
        except TimeoutError:
            left = self.wire.forget()
            if left:
                detail = f"{left[:_SHOWN_BYTES]!r} without an end"
                trouble = Trouble.SHORT_FRAME
                raise ReadFailed(Quality.INVALID_FRAME, detail, answered=True, trouble=trouble) from None
            detail = f"no answer within {within_s:g} s"
            raise ReadFailed(Quality.COMM_FAILURE, detail, answered=False) from None
        finally:
            self._quiet_from_s = self.clock.monotonic_s()

    def _echoed(self, instrument: Instrument) -> Callable[[], None]:
        return lambda: self.note(instrument.name, Trouble.ECHO)


async def all_of(asks: Mapping[K, Callable[[], Awaitable[T]]]) -> dict[K, T | ReadFailed]:
    """Ask for a device's parts one after the other; return what each brought, or why not.

    Silence ends the asking. What was had before it stands, and what was not asked for fails as it did.

    Raises:
        ReadFailed: Nothing was had.
        PortUnavailable: The port was gone before anything was had.
    """
    found: dict[K, T | ReadFailed] = {}
    silence: ReadFailed | None = None
    for part, ask in asks.items():
        if silence is not None:
            found[part] = silence
            continue
        nothing_yet = all(isinstance(each, ReadFailed) for each in found.values())
        try:
            found[part] = await ask()
        except PortUnavailable as error:
            if nothing_yet:
                raise
            found[part] = silence = ReadFailed(Quality.COMM_FAILURE, str(error), answered=False)
        except ReadFailed as error:
            if not error.answered and nothing_yet:
                raise
            found[part] = error
            silence = None if error.answered else error
    refusals = [each for each in found.values() if isinstance(each, ReadFailed)]
    if len(refusals) == len(found):
        raise refusals[0]
    return found


def line_from(buffer: bytearray, end: bytes) -> bytes | None:
    """Take the first line, with its end, from a buffer; None while none is whole."""
    at = buffer.find(end)
    if at < 0:
        return None
    line = bytes(buffer[: at + len(end)])
    del buffer[: at + len(end)]
    return line


def _behind_echo(query: bytes, take: Take[T], echoed: Callable[[], None]) -> Take[T]:
    whole = False

    def taken(buffer: bytearray) -> T | None:
        nonlocal whole
        if not whole and buffer[: len(query)] == query:
            del buffer[: len(query)]
            whole = True
            echoed()
        if not whole and query.startswith(bytes(buffer)):
            return None  # perhaps the beginning of an echo
        return take(buffer)

    return taken
