"""Keeps children running: starts them, starts those again that died, and ends all in good order."""

import asyncio
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

from siloscope_deploy.errors import EndedWhileStarting, ServerFailed
from siloscope_deploy.local import journals
from siloscope_deploy.local.backoff import Backoff
from siloscope_deploy.local.child import Child, RunningChild, ending, spawn
from siloscope_deploy.local.roster import Roster
from siloscope_process.clock import Clock

_TRIM_EVERY_S = 5
_TRIES = 3


class Supervisor:
    """The parent of the platform's processes.

    Args:
        log_folder: One log per child.
        roster: Where running children are noted.
        clock: Time.
        tell: Takes a line for the person.
        backoff: How soon a child that died is started again.
    """

    def __init__(
        self,
        log_folder: Path,
        roster: Roster,
        clock: Clock,
        tell: Callable[[str], None],
        backoff: Backoff | None = None,
    ) -> None:
        self._log_folder = log_folder
        self._roster = roster
        self._clock = clock
        self._tell = tell
        self._backoff = backoff or Backoff()
        self._running: dict[str, RunningChild] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    @property
    def pids(self) -> dict[str, int]:
        """The running children's process ids."""
        return {name: each.pid for name, each in self._running.items() if each.process.returncode is None}

    async def start(self, child: Child) -> None:
        """Start a child for the first time and return when it is ready; from then on it is kept running.

        Raises:
            ServerFailed: It ended in each of a few tries, or was not ready in time; its last lines say why.
        """
        running = await self._started(child)
        self._watchers[child.name] = asyncio.create_task(self._keep(child, running), name=f"keep {child.name}")

    async def trim_logs(self) -> None:
        """Keep the logs bounded until cancelled."""
        while True:
            await self._clock.sleep(_TRIM_EVERY_S)
            journals.trim(self._log_folder)

    async def stop(self) -> None:
        """End all children, those of the highest stage first."""
        self._stopping = True
        for watcher in self._watchers.values():
            watcher.cancel()
        await asyncio.gather(*self._watchers.values(), return_exceptions=True)
        by_stage = sorted(self._running.values(), key=lambda each: -each.child.stage)
        for _, stage in groupby(by_stage, key=lambda each: each.child.stage):
            await asyncio.gather(*(each.end() for each in stage))
        self._running.clear()

    def kill(self) -> None:
        """End all children at once, for when nobody wants to wait any longer."""
        self._stopping = True
        for each in self._running.values():
            each.kill()

    async def _started(self, child: Child) -> RunningChild:
        for failures in range(1, _TRIES + 1):
            running = await self._spawn(child)
            try:
                await running.until_ready(self._clock)
            except EndedWhileStarting as failure:
                await running.ended()
                if failure.hopeless or failures == _TRIES:
                    raise
                wait_s = self._backoff.wait_s(failures)
                self._tell(f"{failure}\n  starting {child.name} again in {wait_s:g} s")
                await self._clock.sleep(wait_s)
            else:
                return running
        raise AssertionError("the last try returns or raises")

    async def _spawn(self, child: Child) -> RunningChild:
        running = await spawn(child, self._log_folder, self._roster)
        self._running[child.name] = running
        return running

    async def _keep(self, child: Child, running: RunningChild) -> None:
        """Start the child again whenever it dies, until we stop."""
        deaths = 0
        started_s = self._clock.monotonic_s()
        problem = ending(await running.ended())
        while not self._stopping:
            deaths = self._backoff.deaths(deaths, self._clock.monotonic_s() - started_s)
            wait_s = self._backoff.wait_s(deaths)
            self._tell(f"{running.failed(problem)}\n  starting {child.name} again in {wait_s:g} s")
            await self._clock.sleep(wait_s)
            started_s = self._clock.monotonic_s()
            try:
                running = await self._spawn(child)
            except OSError as error:  # a full disk, or no process to be had: both pass
                problem = f"cannot be started: {error}"
            else:
                problem = await self._until_it_dies(running)

    async def _until_it_dies(self, running: RunningChild) -> str:
        """Tell when a child that was started again is ready; return what became of it in the end."""
        ready = asyncio.create_task(self._tell_when_ready(running))
        try:
            return ending(await running.ended())
        finally:
            ready.cancel()
            await asyncio.gather(ready, return_exceptions=True)

    async def _tell_when_ready(self, running: RunningChild) -> None:
        try:
            await running.until_ready(self._clock)
        except ServerFailed as failure:
            if running.process.returncode is None:
                self._tell(str(failure))
            return
        self._tell(f"{running.child.name} is ready again (pid {running.pid})")
