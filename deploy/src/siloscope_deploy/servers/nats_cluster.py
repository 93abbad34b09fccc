"""A NATS cluster of our own, on one machine: for tests of what a cluster of several machines does."""

import secrets
from collections.abc import Iterable
from pathlib import Path

from siloscope_deploy.servers.nats import NatsServer
from siloscope_deploy.servers.ports import LOOPBACK, free_port
from siloscope_gateway.brokers.nats import NatsCluster
from siloscope_gateway.credentials import Credential, Recognition


class NatsClusterServers:
    """Several NATS servers that keep everything on each of them.

    Args:
        directory: Holds a folder for each.
        recognitions: Who may connect.
        size: How many servers.
    """

    def __init__(self, directory: Path, recognitions: Iterable[Recognition], size: int = 3) -> None:
        known = list(recognitions)
        ports = [free_port() for _ in range(size)]
        peers = tuple(f"{LOOPBACK}:{port}" for port in ports)
        password = secrets.token_urlsafe(24)
        self.servers = [
            NatsServer(
                directory / f"n{number}",
                known,
                cluster=NatsCluster(f"n{number}", port, peers, password, replicas=size),
            )
            for number, port in enumerate(ports, start=1)
        ]

    def start(self) -> None:
        """Start all of them; the cluster has elected its leaders some seconds later."""
        for server in self.servers:
            server.start()

    def stop(self) -> None:
        """End all of them."""
        for server in self.servers:
            server.stop()

    @property
    def client_urls(self) -> str:
        """The servers for ingest's pulls, as its setting wants them."""
        return ",".join(server.client_url for server in self.servers)

    def urls_for(self, credential: Credential) -> str:
        """The servers for MQTT, as ingest's setting wants them."""
        return ",".join(server.url_for(credential) for server in self.servers)
