"""What is remembered of one node stays bounded, whatever it sends."""

import tracemalloc

from siloscope_contract.topics import NodeName
from siloscope_ingest.nodes import KnownNode
from siloscope_store.registry import Node

NODE, ORG, NOW_MS = 7, 1, 1_700_000_000_000
MADE_UP = 100_000


def known() -> KnownNode:
    return KnownNode(Node(NODE, ORG, NodeName.of("demo", "farm", "pi"), "agent"))


def test_a_flood_of_made_up_epochs_takes_no_memory() -> None:
    node = known()
    for number in range(1000):
        node.stream(f"{number:032x}")
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(MADE_UP):
            assert node.stream(f"{number:032x}") == (NODE, f"{number:032x}")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 64 * 1024


def test_the_epochs_of_a_spool_that_take_turns_stay_the_same_objects() -> None:
    node = known()
    first = [node.stream(f"{number:032x}") for number in range(8)]
    for _ in range(3):
        assert all(node.stream(stream[1]) is stream for stream in first)


def test_an_epoch_that_was_forgotten_is_news_once() -> None:
    node = known()
    assert node.is_news(node.stream("a" * 32), NOW_MS)
    assert not node.is_news(node.stream("a" * 32), NOW_MS + 1)
    for number in range(1000):
        node.stream(f"{number:032x}")
    assert node.is_news(node.stream("a" * 32), NOW_MS + 2)
    assert not node.is_news(node.stream("a" * 32), NOW_MS + 3)
