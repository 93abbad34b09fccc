"""Showing which of several boxes on a wall this one is: its LED blinks, and its log says so."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Protocol

import structlog
from msgspec import Meta, Struct

from siloscope_edge.remote.commanding import Answer
from siloscope_process.clock import Clock

_log = structlog.get_logger(__name__)
LEDS = Path("/sys/class/leds")
_PREFERRED = ("ACT", "led0", "PWR", "led1")
"""What a Raspberry Pi calls the LEDs that can be seen from outside."""
_BLINKS = "timer"


class Identify(Struct, frozen=True, forbid_unknown_fields=True):
    """For how long."""

    for_s: Annotated[float, Meta(ge=1, le=600)] = 60.0


class Beacon(Protocol):
    """One way to be seen."""

    @property
    def name(self) -> str:
        """What people look for."""
        ...

    def light(self) -> None:
        """Begin.

        Raises:
            OSError: It cannot be done on this machine.
        """
        ...

    def dim(self) -> None:
        """End, and leave everything as it was before."""
        ...


class LogBeacon:
    """A line in the log."""

    name = "log"

    def light(self) -> None:
        _log.warning("it_is_me", detail="somebody asked which node this is")

    def dim(self) -> None:
        _log.info("it_was_me")


class LedBeacon:
    """An LED of the board, through the kernel's triggers; whoever runs the agent must be allowed to write them.

    Args:
        directory: Where the kernel shows its LEDs.
    """

    name = "led"

    def __init__(self, directory: Path = LEDS) -> None:
        self._directory = directory
        self._before: tuple[Path, str] | None = None

    def light(self) -> None:
        found = [self._directory / each for each in _PREFERRED if (self._directory / each / "trigger").exists()]
        if not found:
            raise FileNotFoundError(f"{self._directory}: none of {', '.join(_PREFERRED)}")
        trigger = found[0] / "trigger"
        before = trigger.read_text("utf-8")
        trigger.write_text(_BLINKS, "utf-8")
        self._before = trigger, before.partition("[")[2].partition("]")[0] or "none"

    def dim(self) -> None:
        if self._before is not None:
            trigger, before = self._before
            self._before = None
            trigger.write_text(before, "utf-8")


class Identifier:
    """Lights all beacons for a while.

    Args:
        beacons: What this machine has.
        clock: Tells when it is over.
    """

    def __init__(self, beacons: Sequence[Beacon], clock: Clock) -> None:
        self._beacons = beacons
        self._clock = clock
        self._dimming: asyncio.Task[None] | None = None

    async def identify(self, asked: Identify) -> Answer:
        """Begin to show it, for so long from now, and say what can be shown and what cannot."""
        if self._dimming is not None:
            self._dimming.cancel()
            await asyncio.wait([self._dimming])
        lit: list[Beacon] = []
        dark: dict[str, str] = {}
        for beacon in self._beacons:
            try:
                beacon.light()
            except OSError as error:
                dark[beacon.name] = str(error)
            else:
                lit.append(beacon)
        self._dimming = asyncio.ensure_future(self._dim(lit, asked.for_s))
        return Answer({"shown_by": [each.name for each in lit], "not_shown_by": dark, "for_s": asked.for_s})

    async def _dim(self, lit: Sequence[Beacon], after_s: float) -> None:
        try:
            await self._clock.sleep(after_s)
        finally:
            for beacon in lit:
                with suppress(OSError):
                    beacon.dim()
