"""The broker of a campaign: one server, or a NATS cluster of which each server can be killed by itself."""

from pathlib import Path

from siloscope_contract.topics import NodeName
from siloscope_deploy.servers.mosquitto import MosquittoServer
from siloscope_deploy.servers.nats import NatsServer
from siloscope_deploy.servers.nats_cluster import NatsClusterServers
from siloscope_gateway.credentials import Credential, Recognition, issue
from siloscope_gateway.principals import Principal

CLUSTER = "nats-cluster"


class Broker:
    """One broker, of one server or several.

    Args:
        kind: "nats", "mosquitto" or "nats-cluster"; from the last, ingest pulls samples from a stream.
        home: For its files.

    Raises:
        Unavailable: There is no such server here.
    """

    def __init__(self, kind: str, home: Path) -> None:
        self.kind = kind
        self._issued: dict[Principal, tuple[Credential, Recognition]] = {}
        self._servers = _servers(kind, home / kind)

    @property
    def ports(self) -> list[int]:
        """The MQTT ports on 127.0.0.1; the same after a restart."""
        return [server.port for server in self._servers]

    @property
    def stream_ports(self) -> list[int]:
        """The ports that a stream is pulled from; none where samples come by MQTT."""
        if self.kind != CLUSTER:
            return []
        return [server.client_port for server in self._servers if isinstance(server, NatsServer)]

    @property
    def servers(self) -> dict[str, NatsServer | MosquittoServer]:
        """What can be harmed by itself, beside all of it, by name; a single server is all of it."""
        if len(self._servers) == 1:
            return {}
        return {f"broker-{number}": server for number, server in enumerate(self._servers, start=1)}

    def of_node(self, node: NodeName) -> Credential:
        """Return the user name and password of a node."""
        return self._credential(Principal.of_node(node))

    def of_site(self, node: NodeName) -> Credential:
        """Return those of the plain devices beside a node."""
        return self._credential(Principal.of_site(node.org, node.site))

    def ingest_url(self, port: int) -> str:
        """Return the MQTT URL of ingest, through a proxy's port."""
        head, _, _ = self._servers[0].url_for(self._credential(Principal.ingest())).rpartition(":")
        return f"{head}:{port}"

    def start(self) -> None:
        """Start all of it, or what of it does not run."""
        for server in self._servers:
            server.start()

    def stop(self) -> None:
        """End all of it cleanly."""
        for server in self._servers:
            server.stop()

    def kill(self) -> None:
        """End all of it with SIGKILL."""
        for server in self._servers:
            server.kill()

    def _credential(self, principal: Principal) -> Credential:
        if principal not in self._issued:
            self._issued[principal] = issue(principal)
            known = [recognition for _, recognition in self._issued.values()]
            for server in self._servers:
                server.admit(known)
        return self._issued[principal][0]


def _servers(kind: str, home: Path) -> list[NatsServer | MosquittoServer]:
    if kind == CLUSTER:
        return list(NatsClusterServers(home, []).servers)
    return [NatsServer(home, []) if kind == "nats" else MosquittoServer(home, [])]
