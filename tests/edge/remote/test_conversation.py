"""What a node hears is its own; and it asks again where a broker does not let it listen."""

import asyncio
from unittest.mock import Mock

import pytest

from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_edge.errors import SubscriptionRefused
from siloscope_edge.remote import conversation as conversations
from siloscope_edge.remote.conversation import Conversation

NODE, OTHER = NodeName.of("demo", "north-farm", "yard-pi"), NodeName.of("demo", "north-farm", "barn-pi")


def test_what_is_told_to_another_node_is_not_heard() -> None:
    conversation = Conversation(NODE)
    conversation.desk, conversation.applier = desk, applier = Mock(), Mock()
    for node in (OTHER, NODE):
        conversation.hear(Topic(node, Kind.COMMAND, "a").text(), node.node.encode())
        conversation.hear(Topic(node, Kind.CONFIG).text(), node.node.encode())
    desk.hear.assert_called_once_with("a", b"yard-pi")
    applier.hear.assert_called_once_with(b"yard-pi")


class UnreadyLink:
    """Refuses each subscription the first times."""

    def __init__(self, refusals: int) -> None:
        self._refusals = refusals
        self.asked: list[str] = []
        self.heard: set[str] = set()

    async def subscribe(self, topic: str, *, qos: int) -> None:
        assert qos == 1
        self.asked.append(topic)
        if self.asked.count(topic) <= self._refusals:
            raise SubscriptionRefused(topic)
        assert topic not in self.heard, "asked for again though it was granted"
        self.heard.add(topic)

    async def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool = False) -> None:
        raise AssertionError("there is nothing to say")

    async def received(self) -> tuple[str, bytes]:
        raise AssertionError("somebody else listens")


@pytest.mark.parametrize("refusals", [0, 1, 3])
async def test_what_a_broker_refuses_is_asked_for_again(refusals: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "_LISTEN_AGAIN_S", 0.0)
    link = UnreadyLink(refusals)
    talking = asyncio.create_task(Conversation(NODE).talk(link))
    async with asyncio.timeout(10):
        while len(link.heard) < 2:
            await asyncio.sleep(0)
    talking.cancel()
    await asyncio.gather(talking, return_exceptions=True)
    base = f"silo/v1/{NODE.org}/{NODE.site}/{NODE.node}"
    assert link.heard == {f"{base}/config", f"{base}/command/+"}
    assert len(link.asked) == 2 * (refusals + 1)
