"""Names and topics, both ways, and what is refused of them."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_contract import names, topics, watermarks
from siloscope_contract.errors import MalformedName, MalformedTopic
from siloscope_contract.topics import Kind, NodeName, Topic

SLUGS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True)
NODE = NodeName.of("demo", "north-farm", "yard")


@pytest.mark.parametrize("module", [names, topics, watermarks])
def test_the_examples_in_the_docstrings_run(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]  # a module is what it takes
    assert result.attempted
    assert not result.failed


@given(SLUGS, SLUGS, SLUGS, st.sampled_from(Kind), SLUGS)
def test_a_topic_is_parsed_as_it_was_built(org: str, site: str, node: str, kind: Kind, command: str) -> None:
    command_id = command if kind in topics.WITH_COMMAND else None
    topic = Topic(NodeName.of(org, site, node), kind, command_id)
    assert Topic.parse(topic.text()) == topic


@given(st.text(max_size=40))
def test_any_other_text_is_refused_as_a_topic(text: str) -> None:
    with pytest.raises(MalformedTopic):
        Topic.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "silo/v2/demo/north-farm/yard/samples",
        "silo/v1/demo/north-farm/samples",
        "silo/v1/demo/north-farm/yard/sample",
        "silo/v1/demo/north-farm/yard/samples/",
        "silo/v1/demo/North Farm/yard/samples",
        "silo/v1/demo/+/yard/samples",
        "silo/v1/demo/north-farm/yard/command",
        "silo/v1/demo/north-farm/yard/command/",
        "silo/v1/demo/north-farm/yard/command/1/answer",
        "silo/v1/demo/north-farm/yard/command/{id}",
        "silo/v1/demo/north-farm/yard/samples\n",
    ],
)
def test_a_topic_that_is_nearly_right_is_refused(text: str) -> None:
    if text.endswith("{id}"):
        assert Topic.parse(text).command_id == "{id}"
        return
    with pytest.raises(MalformedTopic) as refused:
        Topic.parse(text)
    assert refused.value.reason == "malformed_topic"


def test_a_refused_topic_says_which_part_is_wrong() -> None:
    with pytest.raises(MalformedTopic, match=r"site: found 'North', expected 1 to 64 of a-z"):
        Topic.parse("silo/v1/demo/North/yard/samples")


@pytest.mark.parametrize("text", ["", "-bin", "Bin", "bin 1", "bin/1", "b" * 65, "bin\n", "силос"])
def test_what_is_no_slug_is_refused(text: str) -> None:
    with pytest.raises(MalformedName, match="found"):
        names.slug(text)


def test_a_node_publishes_up_and_reads_down_under_its_own_prefix_only() -> None:
    publishes, subscribes = topics.node_publishes(NODE), topics.node_subscribes(NODE)
    assert all(each.startswith("silo/v1/demo/north-farm/yard/") for each in publishes + subscribes)
    assert not set(publishes) & set(subscribes)
    assert topics.subscription(Kind.COMMITTED, *("demo", "north-farm", "yard")) in subscribes
