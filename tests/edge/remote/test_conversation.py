"""What a node hears is its own."""

from unittest.mock import Mock

from siloscope_contract.topics import Kind, NodeName, Topic
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
