"""Asking within a bounded time: every request of a survey goes through here, is counted, and may be stopped."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median, quantiles

from msgspec import Struct

from siloscope_edge.doctor.exchange import HARMLESS, Exchange, Outcome, answer_bytes, read_pdu
from siloscope_edge.doctor.findings import Ended, Timing
from siloscope_process.clock import Clock

_BUSY = (5, 6)  # acknowledge, server device busy
_BUSY_WAIT_S = 0.2
_TRIES = 3
_RECOVERY_S = 0.3
_MORE_REST_S = 0.05
_PROOF = 10
_AROUND_BYTES = 5  # unit id, function, size; checksum
_LEAST_PATIENCE_S = 0.15
_MOST_PATIENCE_S = 2.0


class Progress(Struct, frozen=True):
    """How far a survey is.

    Attributes:
        what: What is being done, in a few words.
        done: Steps of it that are done.
        of: All its steps, as far as known.
        spent_s: Time since the survey began.
        within_s: Time that it has.
        requests: Requests sent so far.
        devices: Devices found so far.
    """

    what: str
    done: int
    of: int
    spent_s: float
    within_s: float
    requests: int
    devices: int


Tell = Callable[[Progress], None]


def nobody(_progress: Progress) -> None:
    """Tell nobody."""


class Interrupted(Exception):
    """The survey must end now.

    Attributes:
        why: Time, or somebody's wish.
    """

    def __init__(self, why: Ended) -> None:
        super().__init__(why)
        self.why = why


class Share:
    """A part of the time.

    Attributes:
        is_over: Whether it was not enough.
    """

    is_over = False


class Record:
    """What one unit id brought.

    Attributes:
        rest_s: Silence before a request that it was found to need.
        took_s: How long its sound answers took.
        answers: How many requests brought one.
        broken: How many brought something that was none.
        silent: How many brought nothing.
    """

    def __init__(self) -> None:
        self.rest_s = 0.0
        self.took_s: list[float] = []
        self.answers = self.broken = self.silent = 0
        self._sound_and_broken: dict[bytes, list[int]] = {}

    def add(self, pdu: bytes, outcome: Outcome) -> None:
        """Count what a request brought."""
        if outcome.is_alive or outcome.is_broken:
            self._sound_and_broken.setdefault(pdu, [0, 0])[outcome.is_broken] += 1
        if outcome.is_alive:
            self.answers += 1
            self.took_s.append(outcome.took_s)
        elif outcome.is_broken:
            self.broken += 1
        else:
            self.silent += 1

    @property
    def timing(self) -> Timing | None:
        """How long sound answers took."""
        if not self.took_s:
            return None
        took_ms = [1000 * each for each in self.took_s]
        p95 = quantiles(took_ms, n=20, method="inclusive")[-1] if len(took_ms) > 1 else took_ms[0]
        return Timing(len(took_ms), round(min(took_ms), 1), round(median(took_ms), 1), round(p95, 1))

    @property
    def collides(self) -> bool:
        """Whether some requests are broken each time and others never: two devices that differ in some registers.

        A bad line breaks any answer now and then, and long ones more often.
        """
        sound = sum(good for good, bad in self._sound_and_broken.values() if not bad)
        always_broken = [bad for good, bad in self._sound_and_broken.values() if not good]
        mixed = any(good and bad for good, bad in self._sound_and_broken.values())
        return sound >= _PROOF and max(always_broken, default=0) >= _TRIES and not mixed

    @property
    def patience_s(self) -> float:
        """How long to wait for this device, by how it answered so far."""
        longest_s = max(self.took_s, default=_MOST_PATIENCE_S / 4)
        return min(_MOST_PATIENCE_S, max(_LEAST_PATIENCE_S, 4 * longest_s))


class Session:
    """Asks through an exchange until the time is over or somebody stops it.

    Args:
        exchange: The bus.
        clock: Tells how long it took.
        within_s: Time that it has.
        stop: Ends it when set.
        tell: Is told how far it is.

    Attributes:
        records: What each unit id brought.
        rest_s: Silence before each request.
        requests: How many were sent.
        echoes: How often the adapter sent the request back.
        devices: How many devices were found; for those who are told.
    """

    def __init__(
        self,
        exchange: Exchange,
        clock: Clock,
        within_s: float,
        stop: asyncio.Event | None = None,
        tell: Tell = nobody,
    ) -> None:
        self.exchange = exchange
        self.records: dict[int, Record] = {}
        self.rest_s = 0.02 if exchange.framing == "rtu" else 0.0
        self.requests = 0
        self.echoes = 0
        self.devices = 0
        self._clock = clock
        self._within_s = within_s
        self._stop = stop
        self._tell = tell
        self._began_s = clock.monotonic_s()
        self._deadline_s = self._began_s + within_s
        self._asked_s = -1.0

    @property
    def spent_s(self) -> float:
        """Time since it began."""
        return self._clock.monotonic_s() - self._began_s

    @property
    def left_s(self) -> float:
        """Time that it still has."""
        return self._deadline_s - self._clock.monotonic_s()

    @contextmanager
    def share(self, seconds: float) -> Iterator["Share"]:
        """Give what is done within no more than so much of the time; the end of that ends only this part."""
        whole_s, share = self._deadline_s, Share()
        self._deadline_s = min(whole_s, self._clock.monotonic_s() + seconds)
        try:
            yield share
        except Interrupted as interruption:
            if interruption.why is not Ended.TIME or self._clock.monotonic_s() >= whole_s:
                raise
            share.is_over = True
        finally:
            self._deadline_s = whole_s

    def progress(self, what: str, done: int, of: int) -> None:
        """Tell how far it is."""
        self._tell(Progress(what, done, of, self.spent_s, self._within_s, self.requests, self.devices))

    def record(self, unit_id: int) -> Record:
        """Return what a unit id brought so far."""
        return self.records.setdefault(unit_id, Record())

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end.

        Raises:
            Interrupted: The time is over.
        """
        self._check()
        await self._clock.sleep(max(0.0, min(seconds, self.left_s)))
        self._check()

    async def ask(self, unit_id: int, pdu: bytes, patience_s: float, *, linger_s: float = 0.0) -> Outcome:
        """Ask once.

        Raises:
            Interrupted: The time is over.
            PortUnavailable: The port is gone.
        """
        if pdu[0] not in HARMLESS:
            raise ValueError(f"function {pdu[0]} might change something; the doctor only reads")
        self._check()
        wait_s = self._asked_s + max(self.rest_s, self.record(unit_id).rest_s) - self._clock.monotonic_s()
        if wait_s > 0:
            await self._clock.sleep(wait_s)
        outcome = await self.exchange.ask(unit_id, pdu, min(patience_s, max(self.left_s, 0.01)), linger_s=linger_s)
        self._asked_s = self._clock.monotonic_s()
        self.requests += 1
        frame_begins = bytes((unit_id,)) + pdu
        self.echoes += self.exchange.framing == "rtu" and outcome.raw.startswith(frame_begins)
        self.record(unit_id).add(pdu, outcome)
        return outcome

    async def read(self, unit_id: int, function: int, address: int, count: int) -> bytes | int | None:
        """Read registers or bits, and again where something got in the way.

        Returns:
            Their bytes; the exception's code where the device refuses; None where it is silent or cannot be understood.

        Raises:
            Interrupted: The time is over.
            PortUnavailable: The port is gone.
        """
        pdu = read_pdu(function, address, count)
        size = answer_bytes(pdu) - _AROUND_BYTES
        refusal = None
        recovering = False
        for _ in range(_TRIES):
            outcome = await self.ask(unit_id, pdu, self.record(unit_id).patience_s)
            if recovering and outcome.is_alive:
                self._rest_longer(unit_id)
            if len(outcome.content) == size:
                return outcome.content
            if outcome.exception is not None and outcome.is_alive:
                refusal = outcome.exception
                if refusal not in _BUSY:
                    return refusal
                await self.pause(_BUSY_WAIT_S)
            elif not outcome.is_broken and refusal is None and self.record(unit_id).silent > _TRIES * 4:
                return None  # it is one of those that are silent where others refuse: no further tries
            elif not outcome.is_broken:
                recovering = True
                await self.pause(_RECOVERY_S)
        return refusal

    def _rest_longer(self, unit_id: int) -> None:
        """Give a device more rest, that was silent and answered the same after a while."""
        record = self.record(unit_id)
        record.rest_s = min(_RECOVERY_S, max(_MORE_REST_S, 2 * record.rest_s))

    def _check(self) -> None:
        if self._stop is not None and self._stop.is_set():
            raise Interrupted(Ended.STOPPED)
        if self.left_s <= 0:
            raise Interrupted(Ended.TIME)
