"""Topics: the one place that builds and parses them.

Permissions of brokers and subscriptions are derived from the same table, so that a topic is spelled once.
"""

from dataclasses import dataclass
from enum import StrEnum
from sys import intern

from siloscope_contract.errors import ContractError, MalformedTopic
from siloscope_contract.names import Slug, slug

ROOT = ("silo", "v1")
ANY = "+"


class Kind(StrEnum):
    """What a message on a topic is; the value is the topic's last part."""

    SAMPLES = "samples"
    BIRTH = "birth"
    HEARTBEAT = "heartbeat"
    STATUS = "status"
    COMMITTED = "committed"
    CONFIG = "config"
    CONFIG_STATE = "config/state"
    COMMAND = "command/{id}"
    COMMAND_RESULT = "command/{id}/result"


UP = (Kind.SAMPLES, Kind.BIRTH, Kind.HEARTBEAT, Kind.STATUS, Kind.CONFIG_STATE, Kind.COMMAND_RESULT)
DOWN = (Kind.COMMITTED, Kind.CONFIG, Kind.COMMAND)
WITH_COMMAND = (Kind.COMMAND, Kind.COMMAND_RESULT)
EXPECTED_TOPIC = "silo/v1/<org>/<site>/<node>/ and one of " + ", ".join(kind.value for kind in Kind)


@dataclass(frozen=True, slots=True)
class NodeName:
    """A node's full name: organisation, site and node, each a slug."""

    org: Slug
    site: Slug
    node: Slug

    @classmethod
    def of(cls, org: str, site: str, node: str) -> "NodeName":
        """Return the name after checking its three parts; thousands of nodes of a site share the text of its name.

        Raises:
            MalformedName: A part is no slug.
        """
        return cls(_shared(slug(org, "organisation")), _shared(slug(site, "site")), _shared(slug(node, "node")))

    def __str__(self) -> str:
        """Return the name as people read it."""
        return f"{self.org}/{self.site}/{self.node}"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic: whose it is and what it carries.

    >>> topic = Topic(NodeName.of("demo", "north-farm", "yard"), Kind.SAMPLES)
    >>> topic.text()
    'silo/v1/demo/north-farm/yard/samples'
    >>> Topic.parse("silo/v1/demo/north-farm/yard/samples") == topic
    True
    >>> Topic.parse("silo/v1/demo/north-farm/yard/command/7f/result").command_id
    '7f'
    """

    node: NodeName
    kind: Kind
    command_id: str | None = None

    def text(self) -> str:
        """Return the topic as it goes over the wire."""
        last = self.kind.value.format(id=self.command_id)
        return "/".join((*ROOT, self.node.org, self.node.site, self.node.node, last))

    @classmethod
    def parse(cls, text: str) -> "Topic":
        """Return the topic that ``text`` spells.

        Raises:
            MalformedTopic: It is none of ours.
        """
        parts = text.split("/")
        if tuple(parts[:2]) != ROOT or len(parts) < 6:
            raise _malformed(text)
        kind, command_id = _kind_of(parts[5:], text)
        try:
            return cls(NodeName.of(*parts[2:5]), kind, command_id)
        except ContractError as error:
            raise MalformedTopic(
                "malformed_topic", place=f"topic {text!r}, {error.place}", found=error.found, expected=error.expected
            ) from error


def _shared(part: Slug) -> Slug:
    return Slug(intern(str(part)))


def subscription(kind: Kind, org: str = ANY, site: str = ANY, node: str = ANY) -> str:
    """Return the filter that matches ``kind`` of the named or of all (``+``) organisations, sites and nodes.

    >>> subscription(Kind.SAMPLES)
    'silo/v1/+/+/+/samples'
    """
    return "/".join((*ROOT, org, site, node, kind.value.format(id=ANY)))


def shared(group: str, topic_filter: str) -> str:
    """Return the shared subscription of MQTT 5 to a filter: each message goes to one member of the group.

    >>> shared("ingest", "silo/v1/+/+/+/samples")
    '$share/ingest/silo/v1/+/+/+/samples'
    """
    return f"$share/{group}/{topic_filter}"


def nats_subject(topic_filter: str) -> str:
    """Return the NATS subject that a topic or filter is, as NATS itself maps them; slugs hold no dot to be escaped.

    >>> nats_subject("silo/v1/+/+/+/samples")
    'silo.v1.*.*.*.samples'
    """
    return topic_filter.replace("/", ".").replace("+", "*").replace("#", ">")


def topic_of_nats_subject(subject: str) -> str:
    """Return the topic that a NATS subject without wildcards is.

    >>> topic_of_nats_subject("silo.v1.demo.north-farm.yard.samples")
    'silo/v1/demo/north-farm/yard/samples'
    """
    return subject.replace(".", "/")


def node_publishes(node: NodeName) -> list[str]:
    """Return the filters that a node's credential may publish to."""
    return [subscription(kind, node.org, node.site, node.node) for kind in UP]


def node_subscribes(node: NodeName) -> list[str]:
    """Return the filters that a node's credential may read."""
    return [subscription(kind, node.org, node.site, node.node) for kind in DOWN]


def _kind_of(parts: list[str], text: str) -> tuple[Kind, str | None]:
    if parts[0] == "command" and len(parts) in (2, 3) and parts[1]:
        if len(parts) == 2:
            return Kind.COMMAND, parts[1]
        if parts[2] == "result":
            return Kind.COMMAND_RESULT, parts[1]
        raise _malformed(text)
    try:
        kind = Kind("/".join(parts))
    except ValueError:
        raise _malformed(text) from None
    if kind in WITH_COMMAND:
        raise _malformed(text)
    return kind, None


def _malformed(text: str) -> MalformedTopic:
    return MalformedTopic("malformed_topic", place="topic", found=text, expected=EXPECTED_TOPIC)
