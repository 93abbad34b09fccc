"""A Modbus TCP gateway on 127.0.0.1; the bus behind it carries one request at a time, whoever asks."""

import asyncio
import errno

from siloscope_firmware_sim.errors import PortTaken
from siloscope_firmware_sim.lines.traffic import Traffic
from siloscope_firmware_sim.modbus.gateway import HEADER_SIZE, Gateway, Header
from siloscope_process.clock import Clock

HOST = "127.0.0.1"


class TcpLine:
    """Serves one gateway.

    Args:
        bus: Its name, for messages.
        gateway: What answers.
        port: Port to listen on; 0 takes a free one.
        wished_port: A free port that would be welcome, where ``port`` is 0: the one of the run before.
        clock: Waits as long as the wire would.
        traffic: Counts what passes.
    """

    def __init__(
        self, bus: str, gateway: Gateway, *, port: int, wished_port: int, clock: Clock, traffic: Traffic
    ) -> None:
        self._bus = bus
        self._gateway = gateway
        self._port = port
        self._wished_port = wished_port
        self._clock = clock
        self._traffic = traffic
        self._wire = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def address(self) -> dict[str, object]:
        """Where a reader finds it; valid once it is open."""
        return {"host": HOST, "port": self._port}

    async def open(self) -> None:
        """Listen.

        Raises:
            PortTaken: The world gives it a port and somebody else has it.
        """
        try:
            self._server = await asyncio.start_server(self._serve, HOST, self._port or self._wished_port)
        except OSError as error:
            if self._port or error.errno != errno.EADDRINUSE:
                raise PortTaken(self._bus, f"{HOST}:{self._port}", error.strerror or str(error)) from error
            self._server = await asyncio.start_server(self._serve, HOST, 0)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stop listening and hang up on everybody."""
        if self._server is None:
            return
        self._server.close()
        writers = list(self._writers)
        for writer in writers:
            writer.close()
        await asyncio.gather(*(each.wait_closed() for each in writers), return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                header = Header.parse(await reader.readexactly(HEADER_SIZE))
                if not header.sound:
                    break
                writer.write(await self._answered(header, await reader.readexactly(header.length - 1)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the master hung up, between two requests or within one
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answered(self, header: Header, pdu: bytes) -> bytes:
        async with self._wire:
            reply = self._gateway.ask(header, pdu)
            self._traffic.request(answered=reply.answered)
            await self._clock.sleep(reply.after_s)
            return reply.data
