"""Who may connect to the broker, and which topics each may write and read: derived from the contract's topics."""

from dataclasses import dataclass
from enum import StrEnum

from siloscope_contract.names import Slug, slug
from siloscope_contract.topics import Kind, NodeName, node_publishes, node_subscribes, subscription


class PrincipalKind(StrEnum):
    """What a credential is for."""

    NODE = "node"
    SITE = "site"
    INGEST = "ingest"
    MONITOR = "monitor"
    GATEWAY = "gateway"


@dataclass(frozen=True)
class Permissions:
    """MQTT topic filters; whatever none of them matches is refused."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


@dataclass(frozen=True)
class Principal:
    """One holder of broker credentials.

    Attributes:
        kind: What it is for.
        org, site, node: As far as its kind has them: a node has all, a site two, the others none.
    """

    kind: PrincipalKind
    org: Slug | None = None
    site: Slug | None = None
    node: Slug | None = None

    def __post_init__(self) -> None:
        depth = {PrincipalKind.NODE: 3, PrincipalKind.SITE: 2}.get(self.kind, 0)
        given = [part is not None for part in (self.org, self.site, self.node)]
        if given != [position < depth for position in range(3)]:
            raise ValueError(f"{self.kind} credential: expected {_NAMES[depth]}, found {self.label}")

    @classmethod
    def of_node(cls, node: NodeName) -> "Principal":
        """An edge agent, or a device that publishes by itself under a name of its own."""
        return cls(PrincipalKind.NODE, node.org, node.site, node.node)

    @classmethod
    def of_site(cls, org: str, site: str) -> "Principal":
        """All plain devices of one site together.

        Raises:
            MalformedName: A part is no slug.
        """
        return cls(PrincipalKind.SITE, slug(org, "organisation"), slug(site, "site"))

    @classmethod
    def ingest(cls) -> "Principal":
        """The service that stores, and alone says what is committed."""
        return cls(PrincipalKind.INGEST)

    @classmethod
    def monitor(cls) -> "Principal":
        """Watches who is alive; reads no samples."""
        return cls(PrincipalKind.MONITOR)

    @classmethod
    def gateway(cls) -> "Principal":
        """The service that alone tells nodes what they should be and do, and hears what they say of it."""
        return cls(PrincipalKind.GATEWAY)

    @property
    def label(self) -> str:
        """Its name in user names and lists: `node.demo.north-farm.yard`, `ingest`."""
        return ".".join([self.kind, *(part for part in (self.org, self.site, self.node) if part is not None)])

    @property
    def permissions(self) -> Permissions:
        """What it may write and read."""
        if self.kind is PrincipalKind.NODE:
            name = NodeName.of(str(self.org), str(self.site), str(self.node))
            return Permissions(tuple(node_publishes(name)), tuple(node_subscribes(name)))
        if self.kind is PrincipalKind.SITE:
            return Permissions((subscription(Kind.SAMPLES, str(self.org), str(self.site)),), ())
        if self.kind is PrincipalKind.INGEST:
            return Permissions((subscription(Kind.COMMITTED),), tuple(subscription(kind) for kind in _INGESTED))
        if self.kind is PrincipalKind.GATEWAY:
            return Permissions(tuple(map(subscription, _TOLD)), tuple(map(subscription, _HEARD)))
        return Permissions((), (subscription(Kind.STATUS), subscription(Kind.HEARTBEAT), "$SYS/#"))


_INGESTED = (Kind.SAMPLES, Kind.BIRTH, Kind.HEARTBEAT, Kind.STATUS)
_TOLD = (Kind.CONFIG, Kind.COMMAND)
_HEARD = (Kind.CONFIG_STATE, Kind.COMMAND_RESULT)
_NAMES = {0: "no organisation", 2: "an organisation and a site", 3: "an organisation, a site and a node"}
