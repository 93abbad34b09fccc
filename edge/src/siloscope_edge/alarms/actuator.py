"""Doing it: one task an output, which brings it to what is wanted and keeps it there."""

import asyncio
from collections.abc import Callable
from math import isinf
from typing import Protocol

import structlog

from siloscope_contract.quality import Quality
from siloscope_edge.alarms.outputs import Output
from siloscope_edge.alarms.switching import Act, Switching
from siloscope_edge.errors import ActionFailed
from siloscope_edge.metrics import Metrics
from siloscope_process.clock import Clock

_log = structlog.get_logger(__name__)


class Switch(Protocol):
    """What an output is switched by.

    Attributes:
        tells: Whether it can be asked what it does.
        costs_s: What a failure costs its line.
    """

    tells: bool
    costs_s: float

    async def set(self, *, on: bool) -> None:
        """Switch it.

        Raises:
            ActionFailed: It did not take it.
        """
        ...

    async def is_on(self) -> bool | None:
        """Ask it; None where it is neither on nor off.

        Raises:
            ActionFailed: It did not say.
        """
        ...


class Actuator:
    """One output.

    Args:
        output: Its bounds.
        switch: What it is switched by.
        clock: Tells when.
        metrics: Counts.
        changed: Called when something about it is known anew.
        known: What it is known to do from before.

    Attributes:
        failure: Why the last action failed; None where it did not.
        detail: The same in words.
    """

    def __init__(
        self,
        output: Output,
        switch: Switch,
        clock: Clock,
        metrics: Metrics,
        changed: Callable[[], None],
        known: bool | None = None,
    ) -> None:
        self.output = output
        self.failure: Quality | None = None
        self.detail = ""
        self._switch = switch
        self._clock = clock
        self._metrics = metrics
        self._changed = changed
        self._log = _log.bind(output=output.name)
        self._wake = asyncio.Event()
        self._by_alarms = False
        self._holds = 0
        self._leaves = False
        self._told: tuple[bool | None, Quality | None] | None = None
        interval_s, check_s = output.minimum_interval_s, output.checked_every_s
        self._state = Switching(interval_s, check_s, tells=switch.tells, known=known)

    @property
    def is_on(self) -> bool | None:
        """What it is known to do."""
        return self._state.known

    @property
    def wanted(self) -> bool:
        """What it should do."""
        return self._state.wanted

    @property
    def changes(self) -> int:
        """How often it was switched over since the start."""
        return self._state.changes

    @property
    def verifies(self) -> bool:
        """Whether what it does is read back."""
        return self._switch.tells

    @property
    def is_settled(self) -> bool:
        """Whether it is known to do what it should."""
        return self._state.known is self._state.wanted

    def want(self, *, on: bool) -> None:
        """Say what the alarms want of it."""
        self._by_alarms = on
        self._want()

    def hold(self, *, on: bool) -> None:
        """Keep it on for a test, whatever the alarms want; or let go of it again, each test for itself."""
        self._holds += 1 if on else -1
        self._want()

    def leave(self) -> None:
        """Switch it off for good: no alarm knows it any more, nor a test."""
        self._leaves = True
        self._want()

    async def run(self) -> None:
        """Bring it to what is wanted and keep it there, until cancelled."""
        while True:
            todo = self._state.next(self._clock.monotonic_s())
            if todo.act is Act.WAIT:
                await self._wait(todo.until_s)
            elif todo.act is Act.CHECK:
                await self._check()
            else:
                await self._set(on=todo.act is Act.ON)

    def _want(self) -> None:
        on = (self._by_alarms or self._holds > 0) and not self._leaves
        if on is not self._state.wanted:
            self._state.wanted = on
            self._wake.set()

    async def _set(self, *, on: bool) -> None:
        before = self._state.changes
        self._state.switching(self._clock.monotonic_s(), on=on)
        try:
            await self._switch.set(on=on)
        except ActionFailed as error:
            self._failed(error)
            return
        finally:
            self._metrics.output_changes.labels(self.output.name).inc(self._state.changes - before)
        self._state.switched(self._clock.monotonic_s(), on=on)
        if not self._switch.tells:
            self._log.info("output_switched", on=on, verified=False)
            self._well()

    async def _check(self) -> None:
        before = self._state.known
        try:
            on = await self._switch.is_on()
        except ActionFailed as error:
            self._failed(error)
            return
        if not self._state.told(self._clock.monotonic_s(), on=on):
            self._not_well(Quality.NOT_PLAUSIBLE, f"it was switched, and says that it is {_word(on)}")
            return
        if before is not None and on is not before:
            self._log.warning("output_found_otherwise", on=on, wanted=self._state.wanted)
        elif before is None:
            self._log.info("output_switched" if on is self._state.wanted else "output_found", on=on, verified=True)
        self._well()

    def _failed(self, error: ActionFailed) -> None:
        self._state.failed(self._clock.monotonic_s(), self._switch.costs_s)
        self._not_well(error.quality, str(error))

    def _not_well(self, quality: Quality, detail: str) -> None:
        name, failures = self.output.name, self._state.failures
        self.failure, self.detail = quality, detail
        self._metrics.output_failures.labels(name, quality.reason).inc()
        if failures == 1 or not failures & failures - 1:
            self._log.error("output_failed", wanted=_word(self._state.wanted), failures=failures, detail=detail)
        self._tell()

    def _well(self) -> None:
        if self.failure is not None:
            self._log.info("output_works_again")
        self.failure, self.detail = None, ""
        self._tell()

    def _tell(self) -> None:
        known = self._state.known
        self._metrics.output_on.labels(self.output.name).set(-1 if known is None else int(known))
        if (known, self.failure) != self._told:
            self._told = known, self.failure
            self._changed()

    async def _wait(self, until_s: float) -> None:
        self._wake.clear()
        woken = asyncio.ensure_future(self._wake.wait())
        timers = [] if isinf(until_s) else [asyncio.ensure_future(self._sleep_until(until_s))]
        try:
            await asyncio.wait([woken, *timers], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in (woken, *timers):
                each.cancel()

    async def _sleep_until(self, until_s: float) -> None:
        await self._clock.sleep(max(0.0, until_s - self._clock.monotonic_s()))


def _word(on: bool | None) -> str:
    return {True: "on", False: "off", None: "neither on nor off"}[on]
