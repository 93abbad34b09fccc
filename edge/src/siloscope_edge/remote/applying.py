"""Applying what the platform desires: check, read once, try, and confirm or go back."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import structlog

from siloscope_contract import desired as contract
from siloscope_contract.desired import ConfigState, Desired
from siloscope_contract.errors import MalformedMessage
from siloscope_contract.topics import NodeName
from siloscope_edge.config import Bus
from siloscope_edge.installation import Installation
from siloscope_edge.instruments import Instrument
from siloscope_edge.remote.site_file import NotApplicable, channels_that_change, differing
from siloscope_edge.remote.standing import Novelty, Standing
from siloscope_process.clock import Clock
from siloscope_process.expectations import nearest

_log = structlog.get_logger(__name__)
_LOOK_EVERY_S = 1.0
_KEEP_AGAIN_S = 5.0


class Site(Protocol):
    """What runs, and can be changed; see `siloscope_edge.remote.site`."""

    async def dry_run(self, candidate: Installation, devices: Sequence[tuple[Bus, Instrument]]) -> list[str]: ...

    async def change_to(self, installation: Installation) -> None: ...

    def watch(self, devices: Collection[str]) -> None: ...

    async def missing(self, within_s: float) -> list[str]: ...


class Applier:
    """Takes in desired configurations, one after the other.

    Args:
        node: Whose.
        standing: What counts.
        site: What runs.
        clock: Time.
        known_ms: The wall clock where it is known to be right; else None.
        tell: Given what the platform is to know, whenever it changes.
        session: Of this agent.
        busy: Held while the buses are changed: commands wait meanwhile.
    """

    def __init__(
        self,
        node: NodeName,
        standing: Standing,
        site: Site,
        clock: Clock,
        known_ms: Callable[[], int | None],
        tell: Callable[[ConfigState], None],
        session: str,
        busy: asyncio.Lock,
    ) -> None:
        self._node = node
        self._standing = standing
        self._site = site
        self._clock = clock
        self._known_ms = known_ms
        self._tell_state = tell
        self._session = session
        self._busy = busy
        self._heard: bytes | None = None
        self._something = asyncio.Event()
        self._complaint = ""

    def hear(self, payload: bytes) -> None:
        """Take a message of the config topic; only the newest counts. An empty one says that none is retained."""
        if payload:
            self._heard = payload
            self._something.set()

    async def run(self) -> None:
        """Settle a trial that is under way, then what comes, until cancelled."""
        self._tell()
        if (trial := self._standing.trial) is not None:
            await self._prove(trial, self._standing.before_the_trial())
        while True:
            while not self._standing.keep():
                await self._clock.sleep(_KEEP_AGAIN_S)
            await self._something.wait()
            self._something.clear()
            payload, self._heard = self._heard, None
            if payload is not None:
                await self._consider(payload)

    async def _consider(self, payload: bytes) -> None:
        try:
            desired = contract.decode(payload, self._node)
        except MalformedMessage as error:
            self._complain(f"{error.reason}: {error}")
            return
        novelty = self._standing.novelty(desired)
        if novelty is not Novelty.FRESH:
            self._complain(_not_fresh(desired, novelty))
            return
        self._complaint = ""
        try:
            candidate = self._standing.candidate(desired)
        except NotApplicable as error:
            self._refuse(desired, [str(error)])
            return
        async with self._busy:
            reasons = await self._reasons_against(desired, candidate)
        if reasons:
            self._refuse(desired, reasons)
            return
        await self._try_out(desired, candidate)

    async def _reasons_against(self, desired: Desired, candidate: Installation) -> list[str]:
        now = self._standing.installation
        if changing := channels_that_change(now, candidate):
            return changing
        names = [each.name for instruments in candidate.instruments.values() for each in instruments]
        if unknown := [each for each in desired.may_be_silent if each not in names]:
            return [f"may_be_silent: found {each!r}, expected {nearest(names, each)}" for each in unknown]
        devices = [each for each in differing(now, candidate) if each[1].name not in desired.may_be_silent]
        return await self._site.dry_run(candidate, devices)

    async def _try_out(self, desired: Desired, candidate: Installation) -> None:
        before = self._standing.installation
        try:
            self._standing.try_out(desired, candidate, self._known_ms())
        except OSError as error:
            self._complain(f"version {desired.version} is not begun: the disk takes nothing: {error.strerror}")
            return
        _log.info("configuration_tried", version=desired.version, within_s=desired.confirm_within_s)
        try:
            await self._change_to(candidate)
        except Exception as error:  # a driver may be anybody's
            _log.exception("configuration_failed", version=desired.version)
            await self._go_back(desired, [f"it cannot be put in force: {type(error).__name__}: {error}"])
            return
        await self._prove(desired, before)

    async def _prove(self, desired: Desired, before: Installation | None) -> None:
        """Confirm a version as soon as the link and its devices have come up; go back if they do not in time."""
        self._tell()
        counting = self._standing.installation
        changed = differing(before, counting) if before is not None else _all_devices(counting)
        self._site.watch({each.name for _, each in changed} - set(desired.may_be_silent))
        deadline_s = self._clock.monotonic_s() + desired.confirm_within_s
        while missing := await self._site.missing(max(0.0, deadline_s - self._clock.monotonic_s())):
            if (newer := self._newer_version()) is not None:
                await self._go_back(desired, [f"version {newer} came before this one was confirmed"])
                return
            if self._clock.monotonic_s() >= deadline_s:
                late = f"not within {desired.confirm_within_s:g} s"
                await self._go_back(desired, [f"{each}: {late}" for each in missing])
                return
            await self._clock.sleep(_LOOK_EVERY_S)
        self._standing.confirm(self._known_ms())
        _log.info("configuration_applied", version=desired.version)
        self._tell()

    async def _go_back(self, desired: Desired, reasons: list[str]) -> None:
        _log.warning("configuration_rolled_back", version=desired.version, reasons=reasons)
        await self._change_to(self._standing.roll_back(reasons, self._known_ms()))
        self._tell()

    async def _change_to(self, installation: Installation) -> None:
        async with self._busy:
            await self._site.change_to(installation)

    def _newer_version(self) -> int | None:
        if self._heard is None:
            return None
        try:
            desired = contract.decode(self._heard, self._node)
        except MalformedMessage:
            return None
        return desired.version if self._standing.novelty(desired) is Novelty.FRESH else None

    def _refuse(self, desired: Desired, reasons: list[str]) -> None:
        _log.warning("configuration_refused", version=desired.version, reasons=reasons)
        self._standing.refuse(desired, reasons, self._known_ms())
        self._tell()

    def _complain(self, complaint: str) -> None:
        if complaint:
            _log.warning("configuration_not_considered", detail=complaint)
        self._complaint = complaint
        self._tell()

    def _tell(self) -> None:
        self._tell_state(self._standing.state(self._session, self._complaint))


def _not_fresh(desired: Desired, novelty: Novelty) -> str:
    if novelty is Novelty.KNOWN:
        return ""
    expected = "a newer one than was decided about" if novelty is Novelty.OLDER else "a number of its own for a change"
    return f"{novelty.value}: version: found {desired.version}, expected {expected}"


def _all_devices(found: Installation) -> list[tuple[Bus, Instrument]]:
    return [(bus, each) for bus in found.config.buses for each in found.instruments[bus.name]]
