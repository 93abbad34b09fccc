"""A small MQTT broker (3.1.1 and 5) that does what a test tells it: cut connections, reuse packet ids, refuse.

Source:
    MQTT Version 3.1.1 and MQTT Version 5.0, OASIS Standards, chapter 3.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from tests.ingest.waiting import eventually

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 12, 14
OnVersion5 = Literal["accept", "refuse", "close"]


@dataclass
class FakeConnection:
    """A client that is connected.

    Attributes:
        client_id: As it said.
        version: 4 is MQTT 3.1.1, 5 is MQTT 5.
        clean: Whether it asked for a session without memory.
        filters: What it subscribed to.
        acknowledged: Packet ids of its PUBACKs, in order.
        published: (topic, payload) of what it published.
        said_goodbye: Whether it sent DISCONNECT.
    """

    writer: asyncio.StreamWriter
    client_id: str
    version: int
    clean: bool
    subscribed: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    filters: list[str] = field(default_factory=list)
    acknowledged: list[int] = field(default_factory=list)
    published: list[tuple[str, bytes]] = field(default_factory=list)
    said_goodbye: bool = False

    def deliver(
        self, topic: str, payload: bytes, packet_id: int, *, duplicate: bool = False, retained: bool = False
    ) -> None:
        """Send a QoS 1 message under any packet id."""
        head = len(topic).to_bytes(2, "big") + topic.encode() + packet_id.to_bytes(2, "big")
        properties = b"\x00" if self.version == 5 else b""
        flags = 0x32 | (8 if duplicate else 0) | (1 if retained else 0)
        self.writer.write(_packet(flags, head + properties + payload))

    async def cut(self) -> None:
        """Break the connection without a word."""
        self.writer.transport.abort()
        await self.ended.wait()


async def answered(connection: FakeConnection, *packet_ids: int) -> None:
    """Wait until exactly these were acknowledged."""
    await eventually(lambda: sorted(connection.acknowledged) == sorted(packet_ids), lambda: connection.acknowledged)


class FakeBroker:
    """Accepts whoever comes.

    Args:
        on_version_5: What to do about MQTT 5: accept it, refuse it as the standard says, or close as NATS does.
    """

    def __init__(self, on_version_5: OnVersion5 = "accept") -> None:
        self.on_version_5 = on_version_5
        self.refuse_with: int | None = None
        self.grants = b"\x01"
        self.port = 0
        self.attempts: list[int] = []
        self._arrivals: asyncio.Queue[FakeConnection] = asyncio.Queue()
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"mqtt://ingest:secret@127.0.0.1:{self.port}"

    async def connection(self) -> FakeConnection:
        """Return the next client once it has subscribed."""
        async with asyncio.timeout(10):
            connection = await self._arrivals.get()
            await connection.subscribed.wait()
        return connection

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        self._writers.add(writer)
        connection = None
        try:
            connection = await self._welcome(reader, writer)
            while connection is not None:
                command, body = await _read(reader)
                self._take(connection, command, body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            if connection is not None:
                connection.ended.set()
            writer.close()

    def close(self) -> None:
        """Break every connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> FakeConnection | None:
        command, body = await _read(reader)
        assert command >> 4 == CONNECT
        version, flags = body[6], body[7]
        self.attempts.append(version)
        if version == 5 and self.on_version_5 != "accept":
            if self.on_version_5 == "refuse":
                writer.write(_packet(0x20, b"\x00\x01"))
            return None
        if self.refuse_with is not None:
            writer.write(_packet(0x20, bytes([0, self.refuse_with]) + (b"\x00" if version == 5 else b"")))
            return None
        at = 10 + (body[10] + 1 if version == 5 else 0)
        length = int.from_bytes(body[at : at + 2], "big")
        client_id = body[at + 2 : at + 2 + length].decode()
        writer.write(_packet(0x20, b"\x00\x00" + (b"\x00" if version == 5 else b"")))
        connection = FakeConnection(writer, client_id, version, bool(flags & 2))
        self._arrivals.put_nowait(connection)
        return connection

    def _take(self, connection: FakeConnection, command: int, body: bytes) -> None:
        kind = command >> 4
        if kind == PUBACK:
            connection.acknowledged.append(int.from_bytes(body[:2], "big"))
        elif kind == SUBSCRIBE:
            self._subscribe(connection, body)
        elif kind == PUBLISH:
            self._publish(connection, body)
        elif kind == PINGREQ:
            connection.writer.write(_packet(0xD0, b""))
        elif kind == DISCONNECT:
            connection.said_goodbye = True

    def _subscribe(self, connection: FakeConnection, body: bytes) -> None:
        at = 3 + body[2] if connection.version == 5 else 2
        while at < len(body):
            length = int.from_bytes(body[at : at + 2], "big")
            connection.filters.append(body[at + 2 : at + 2 + length].decode())
            at += length + 3
        properties = b"\x00" if connection.version == 5 else b""
        connection.writer.write(_packet(0x90, body[:2] + properties + self.grants * len(connection.filters)))
        connection.subscribed.set()

    def _publish(self, connection: FakeConnection, body: bytes) -> None:
        length = int.from_bytes(body[:2], "big")
        at = 2 + length + 2
        packet_id = body[at - 2 : at]
        if connection.version == 5:
            at += body[at] + 1
        connection.published.append((body[2 : 2 + length].decode(), body[at:]))
        connection.writer.write(_packet(0x40, packet_id))


@asynccontextmanager
async def fake_broker(on_version_5: OnVersion5 = "accept") -> AsyncIterator[FakeBroker]:
    """Run a fake broker on a free port."""
    broker = FakeBroker(on_version_5)
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.port = server.sockets[0].getsockname()[1]
    try:
        yield broker
    finally:
        server.close()
        broker.close()
        await server.wait_closed()
        while broker._writers:
            await asyncio.sleep(0)


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    command = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return command, await reader.readexactly(size)


def _packet(command: int, body: bytes) -> bytes:
    size, encoded = len(body), bytearray([command])
    while True:
        size, low = divmod(size, 128)
        encoded.append(low | (0x80 if size else 0))
        if not size:
            return bytes(encoded) + body
