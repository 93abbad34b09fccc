"""The platform as an agent sees it: what it desires and commands, over a real broker, and what it hears back."""

import asyncio
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import aiomqtt

from siloscope_contract import commands, desired
from siloscope_contract.commands import Command, CommandKind, Result
from siloscope_contract.desired import ConfigState, Desired
from siloscope_contract.topics import Kind, NodeName, Topic, subscription


class PlatformSide:
    """Runs against a real broker until cancelled.

    Args:
        url: With the gateway's credential.
        node: Whom it tells.
    """

    def __init__(self, url: str, node: NodeName) -> None:
        self._url = urlsplit(url)
        self.node = node
        self.states: list[ConfigState] = []
        self.results: list[tuple[str, Result]] = []
        self._client: aiomqtt.Client | None = None
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        url = self._url
        async with aiomqtt.Client(
            url.hostname or "", url.port or 1883, username=url.username, password=url.password, timeout=5
        ) as client:
            for kind in (Kind.CONFIG_STATE, Kind.COMMAND_RESULT):
                await client.subscribe(subscription(kind), qos=1)
            async with self._changed:
                self._client = client
                self._changed.notify_all()
            async for message in client.messages:
                await self._take(Topic.parse(str(message.topic)), bytes(message.payload))

    async def until(self, condition: Callable[[], bool], timeout_s: float = 30) -> None:
        """Wait until the condition holds, looking after each message."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(condition)

    async def desire(self, version: int, document: dict[str, Any], **told: Any) -> None:
        """Publish a version, retained."""
        wanted = Desired(version=version, node=str(self.node), document=document, issuer="user:ada", **told)
        await self.publish(Topic(self.node, Kind.CONFIG).text(), desired.encode(wanted), retain=True)

    async def outcome(self, version: int, *final: desired.Outcome) -> ConfigState:
        """Return the first state in which a version has one of these outcomes."""

        def found() -> list[ConfigState]:
            return [each for each in self.states if each.desired == version and each.outcome in final]

        await self.until(lambda: bool(found()))
        return found()[0]

    async def command(self, command_id: str, kind: CommandKind, **told: Any) -> None:
        """Give a command that is valid for a minute."""
        now_ms = time.time_ns() // 1_000_000
        times = {"issued_at_ms": now_ms, "expires_at_ms": now_ms + 60_000, **told}
        given = Command(kind=kind, issuer="user:ada", **times)
        await self.publish(Topic(self.node, Kind.COMMAND, command_id).text(), commands.encode(given))

    async def result(self, command_id: str) -> Result:
        """Return the first result of a command."""
        await self.until(lambda: any(each == command_id for each, _ in self.results))
        return next(result for each, result in self.results if each == command_id)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        await self.until(lambda: self._client is not None)
        assert self._client is not None
        await self._client.publish(topic, payload, qos=1, retain=retain)

    async def _take(self, topic: Topic, payload: bytes) -> None:
        if topic.kind is Kind.CONFIG_STATE:
            self.states.append(desired.decode_state(payload))
        elif topic.command_id is not None:
            self.results.append((topic.command_id, commands.decode_result(payload)))
        async with self._changed:
            self._changed.notify_all()
