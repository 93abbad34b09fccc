"""The local page of an agent. Whatever ails it, the agent goes on without it."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog

from siloscope_edge import vitals
from siloscope_edge.installation import Installation
from siloscope_edge.page.admission import Admission
from siloscope_edge.page.board import Board
from siloscope_edge.page.page_settings import PageSettings
from siloscope_edge.page.refill import refill
from siloscope_edge.page.routes import HEADERS, Routes
from siloscope_edge.page.station import Station
from siloscope_process.clock import Clock
from siloscope_process.http_server import HttpServer, Limits

_log = structlog.get_logger(__name__)
_LISTEN_AGAIN_S = 10.0
_LOOK_EVERY_S = 30.0
_LIMITS = Limits(connections=16, waiting=16, per_s=20.0, burst=60)


class LocalPage:
    """Serves what the agent sees.

    Args:
        settings: Where, and to whom.
        installation: What is read.
        clock: Tells when.
    """

    def __init__(self, settings: PageSettings, installation: Installation, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        instruments = [each for found in installation.instruments.values() for each in found]
        channels = sum(len(each.profile.channels) for each in instruments) + len(vitals.CHANNELS)
        self.board = Board(channels, settings.history_bytes)
        self.port = 0
        self._station: Station | None = None

    async def run(self, station: Station, directory: Path) -> None:
        """Serve until cancelled; never ends by itself, whatever happens.

        Args:
            station: The running agent.
            directory: Where its spool is: charts begin with what is in it.
        """
        self._station = station
        working = [
            asyncio.create_task(_surely(work, self._clock))
            for work in (self._serve, lambda: self._expect(station), lambda: refill(station, directory))
        ]
        try:
            await asyncio.Event().wait()
        finally:
            self._station = None
            for task in working:
                task.cancel()
            await asyncio.wait(working)

    async def _expect(self, station: Station) -> None:
        """Keep charts of what is read, also after another configuration."""
        while True:
            self.board.expect(station.channels())
            await self._clock.sleep(_LOOK_EVERY_S)

    async def _serve(self) -> None:
        routes = Routes(lambda: self._station, Admission(self._settings, socket.gethostname()), self._clock)
        server = HttpServer(routes.respond, _LIMITS, HEADERS)
        await self._listen(server)
        self.port = server.port
        _log.info("page_listening", address=self._settings.listen, port=server.port)
        try:
            await asyncio.Event().wait()
        finally:
            await server.stop()

    async def _listen(self, server: HttpServer) -> None:
        """Listen as soon as it is possible: an address may come with its network, a port when another lets it go."""
        told = False
        while True:
            try:
                return server.listen(self._settings.listen, self._settings.port)
            except OSError as error:
                place = f"{self._settings.listen} port {self._settings.port}"
                if not told:
                    _log.warning("page_waits", where=place, detail=str(error.strerror or error))
                told = True
                await self._clock.sleep(_LISTEN_AGAIN_S)


async def _surely(work: Callable[[], Coroutine[Any, Any, None]], clock: Clock) -> None:
    """Do it until it is done, whatever it raises meanwhile: nothing of the page is worth an agent."""
    while True:
        try:
            return await work()
        except Exception:
            _log.exception("page_failed")
        await clock.sleep(_LISTEN_AGAIN_S)
