"""A broker with credentials for everybody that a test plays, made anew for each test."""

from pathlib import Path

from siloscope_contract.topics import NodeName
from siloscope_deploy.servers.mosquitto import MosquittoServer
from siloscope_deploy.servers.nats import NatsServer
from siloscope_gateway.credentials import Credential, Recognition, issue
from siloscope_gateway.principals import Principal

NODE = NodeName.of("demo", "north-farm", "yard-pi")
OTHER_NODE = NodeName.of("demo", "north-farm", "mast-pi")
FOREIGN_NODE = NodeName.of("rival", "south-farm", "yard-pi")


class TestBroker:
    """A real broker on a free port, and who may connect to it.

    `url_for(principal)` gives the MQTT URL of anybody; a principal that the broker does not know yet is admitted first.
    """

    __test__ = False

    def __init__(self, kind: str, directory: Path) -> None:
        self._credentials: dict[Principal, Credential] = {}
        self._recognitions: list[Recognition] = []
        for principal in (
            *map(Principal.of_node, (NODE, OTHER_NODE, FOREIGN_NODE)),
            Principal.of_site(NODE.org, NODE.site),
            Principal.ingest(),
            Principal.monitor(),
            Principal.gateway(),
        ):
            self._issue(principal)
        makers = {"nats": NatsServer, "mosquitto": MosquittoServer}
        self.server: NatsServer | MosquittoServer = makers[kind](directory, self._recognitions)

    @property
    def port(self) -> int:
        """The MQTT port on 127.0.0.1; the same after a restart."""
        return self.server.port

    @property
    def url(self) -> str:
        """The MQTT URL without a credential: nobody gets in with it."""
        return self.server.url

    def credential(self, principal: Principal) -> Credential:
        """Return the user name and password of a principal."""
        if principal not in self._credentials:
            self._issue(principal)
            self.server.admit(self._recognitions)
        return self._credentials[principal]

    def url_for(self, principal: Principal) -> str:
        """Return the MQTT URL of a principal, user name and password in it."""
        return self.server.url_for(self.credential(principal))

    def node_url(self, node: NodeName = NODE) -> str:
        """Return the MQTT URL of an edge agent."""
        return self.url_for(Principal.of_node(node))

    def site_url(self, org: str = NODE.org, site: str = NODE.site) -> str:
        """Return the MQTT URL of a site's plain devices."""
        return self.url_for(Principal.of_site(org, site))

    @property
    def ingest_url(self) -> str:
        """The MQTT URL of ingest."""
        return self.url_for(Principal.ingest())

    @property
    def gateway_url(self) -> str:
        """The MQTT URL of the gateway."""
        return self.url_for(Principal.gateway())

    def start(self) -> None:
        """Start it, or start it again on the same port and files."""
        self.server.start()

    def stop(self) -> None:
        """End it cleanly."""
        self.server.stop()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.server.kill()

    def _issue(self, principal: Principal) -> None:
        credential, recognition = issue(principal)
        self._credentials[principal] = credential
        self._recognitions.append(recognition)
