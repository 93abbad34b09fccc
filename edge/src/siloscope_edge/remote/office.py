"""Everything of a running agent that deals with afar, wired: configuration, commands, diagnostics."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from prometheus_client import CollectorRegistry, generate_latest

from siloscope_contract.births import ClockState
from siloscope_contract.commands import CommandKind
from siloscope_contract.topics import NodeName
from siloscope_edge.clock_guard import ClockGuard
from siloscope_edge.instants import dated_sample
from siloscope_edge.keeper import Keeper
from siloscope_edge.outbox import Outbox
from siloscope_edge.readers import Readers
from siloscope_edge.remote import diagnostics
from siloscope_edge.remote.applying import Applier, Site
from siloscope_edge.remote.command_book import CommandBook
from siloscope_edge.remote.commanding import Action, Answer, CommandDesk
from siloscope_edge.remote.conversation import Conversation
from siloscope_edge.remote.examining import LONGEST_S, Examine, Examiner
from siloscope_edge.remote.identifying import Beacon, Identifier, Identify
from siloscope_edge.remote.log_ring import LogRing
from siloscope_edge.remote.reading_now import WITHIN_S, NowReader, ReadNow
from siloscope_edge.remote.standing import Standing
from siloscope_process.clock import Clock
from siloscope_process.operations import Health

_SOON_S = 30.0


class Nothing(Struct, frozen=True, forbid_unknown_fields=True):
    """No arguments."""


@dataclass(frozen=True)
class Remote:
    """What an agent is given for its dealings with afar.

    Attributes:
        standing: Which configuration counts; begun.
        directory: The agent's data directory.
        ring: What was logged lately.
        beacons: How this node can be seen.
    """

    standing: Standing
    directory: Path
    ring: LogRing
    beacons: tuple[Beacon, ...]


@dataclass(frozen=True)
class Surroundings:
    """The parts of a running agent that are looked at."""

    node: NodeName
    session: str
    clock: Clock
    guard: ClockGuard
    readers: Readers
    keeper: Keeper
    outbox: Outbox
    health: Health
    registry: CollectorRegistry


class Office:
    """One running agent's.

    Args:
        remote: What it is given.
        around: What runs.
        site: What can be changed of it.
        conversation: Over which all of it is told.
        restart: Ends the agent, to be started again.
    """

    def __init__(
        self,
        remote: Remote,
        around: Surroundings,
        site: Site,
        conversation: Conversation,
        restart: Callable[[], None],
    ) -> None:
        self._remote = remote
        self._around = around
        self._end_to_begin_again = restart
        self.busy = asyncio.Lock()
        identifier = Identifier(remote.beacons, around.clock)
        reader = NowReader(around.readers, lambda sample: dated_sample(sample, around.guard.base.stamp))
        examiner = Examiner(around.readers, around.clock, self.busy)
        actions = {
            CommandKind.READ_NOW: Action(ReadNow, WITHIN_S + _SOON_S, reader.read),
            CommandKind.IDENTIFY: Action(Identify, _SOON_S, identifier.identify),
            CommandKind.DOCTOR: Action(Examine, LONGEST_S + 5 * _SOON_S, examiner.examine),
            CommandKind.DIAGNOSTICS: Action(Nothing, _SOON_S, self._diagnostics),
            CommandKind.RESTART: Action(Nothing, _SOON_S, self._restart),
        }
        book = CommandBook(remote.directory)
        self._desk = CommandDesk(book, actions, self.known_ms, around.session, conversation.results_wait)
        self._applier = Applier(
            around.node,
            remote.standing,
            site,
            around.clock,
            self.known_ms,
            conversation.tell,
            around.session,
            self.busy,
        )
        conversation.applier, conversation.desk = self._applier, self._desk

    def jobs(self) -> list[Coroutine[Any, Any, None]]:
        """Return what is to run."""
        return [self._applier.run(), self._desk.run()]

    def known_ms(self) -> int | None:
        """Return the wall clock, where it is known to be right."""
        return self._around.clock.now_ms() if self._around.guard.state is ClockState.SYNCHRONISED else None

    async def bundle(self) -> dict[str, Any]:
        """Return all diagnostics, as large as they are."""
        return await diagnostics.collected(
            {
                "node": self._node,
                "versions": diagnostics.versions,
                "configuration": self._configuration,
                "health": self._health,
                "clock": self._clock,
                "spool": self._spool,
                "machine": lambda: diagnostics.machine(self._remote.directory),
                "buses": self._buses,
                "metrics": self._metrics,
                "log": self._log,
                "threads": diagnostics.threads,
                "tasks": diagnostics.tasks,
            }
        )

    async def _diagnostics(self, _: Nothing) -> Answer:
        found = await self.bundle()
        return Answer({"sections": sorted(found)}, diagnostics.bundled(found))

    async def _restart(self, _: Nothing) -> None:
        self._end_to_begin_again()

    async def _node(self) -> dict[str, Any]:
        around = self._around
        return {"node": str(around.node), "session": around.session, "at_ms": around.clock.now_ms()}

    async def _configuration(self) -> dict[str, Any]:
        standing = self._remote.standing
        state = standing.state(self._around.session)
        return {"state": msgspec.to_builtins(state), "settings": msgspec.to_builtins(standing.installation.config)}

    async def _health(self) -> object:
        return self._around.health.report()

    async def _clock(self) -> dict[str, Any]:
        guard = self._around.guard
        return {"state": guard.state.value, "base": msgspec.to_builtins(guard.base), "drift_ppm": guard.drift_ppm}

    async def _spool(self) -> dict[str, Any]:
        keeper, outbox = self._around.keeper, self._around.outbox
        spans, committed, generation, assigned = await keeper.standing()
        return {
            "used_bytes": await keeper.used_bytes(),
            "waiting_samples": keeper.waiting,
            "undated_packs": keeper.undated,
            "owed_packs": outbox.owed,
            "unacknowledged_packs": outbox.unacknowledged,
            "uncommitted_packs": outbox.uncommitted,
            "epochs": msgspec.to_builtins(spans),
            "committed": committed,
            "assigned": assigned,
            "generation": msgspec.to_builtins(generation),
        }

    async def _buses(self) -> list[Any]:
        return self._around.readers.described(self._around.clock.monotonic_s())

    async def _metrics(self) -> list[str]:
        lines = generate_latest(self._around.registry).decode().splitlines()
        return [each for each in lines if not each.startswith("#")]

    async def _log(self) -> list[str]:
        return self._remote.ring.lines
