"""The configuration of NATS as an MQTT 3.1.1 broker with JetStream.

NATS maps the levels of a topic to the parts of a subject, so `silo/v1/+/x` is `silo.v1.*.x`. Nobody is let in without a
user of the list, and nobody but ingest may use NATS's own protocol, to pull samples from a stream.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from siloscope_contract import streams
from siloscope_contract.topics import nats_subject
from siloscope_gateway.credentials import Recognition
from siloscope_gateway.principals import PrincipalKind

# An MQTT session may leave at most 65 535 messages unacknowledged over all its subscriptions; ingest has four.
MAX_ACK_PENDING = 16_000
# The subjects on which NATS hands a session its own QoS 1 messages. They are random, and no MQTT filter may name them.
_DELIVERY = "$MQTT.sub.>"


@dataclass(frozen=True)
class NatsCluster:
    """How one server of a cluster finds the others.

    Attributes:
        server: Its name, unlike those of the others.
        port: Where the others reach it, on the host of its clients.
        peers: host:port of that kind of every server, its own too.
        password: Known to the servers alone.
        replicas: On how many servers sessions, retained messages and queued messages are kept.
    """

    server: str
    port: int
    peers: tuple[str, ...]
    password: str = field(repr=False)
    replicas: int = 3


@dataclass(frozen=True)
class NatsSettings:
    """Where the broker listens and keeps its streams.

    Attributes:
        mqtt_port: MQTT, on `host`.
        client_port: NATS's own protocol, on `client_host`; it cannot be switched off, and only ingest may use it.
        store_directory: JetStream's files.
        sync_interval: How often JetStream syncs to the disk; the spool of the edge does not rely on it.
        max_store_bytes: Limit of JetStream's files.
        client_host: 127.0.0.1 unless ingest is on another machine, or there is a cluster of several.
        cluster: Where it is one of several servers.
    """

    mqtt_port: int
    client_port: int
    store_directory: Path
    host: str = "127.0.0.1"
    sync_interval: str = "10s"
    max_store_bytes: int = 4 * 1024**3
    client_host: str = "127.0.0.1"
    cluster: NatsCluster | None = None


def nats_config(settings: NatsSettings, recognitions: Iterable[Recognition]) -> str:
    """Return the whole configuration file."""
    users = "\n".join(_user(each) for each in sorted(recognitions, key=lambda each: each.username))
    return f"""\
# Written by Siloscope; changes made here are lost. Users come from `siloscope gateway credential`.
server_name: {json.dumps(settings.cluster.server if settings.cluster else "siloscope")}
host: {json.dumps(settings.client_host)}
port: {settings.client_port}
max_payload: 1MB
jetstream {{
  store_dir: {json.dumps(str(settings.store_directory))}
  max_memory_store: 64MB
  max_file_store: {settings.max_store_bytes}
  sync_interval: {json.dumps(settings.sync_interval)}
}}
mqtt {{
  host: {json.dumps(settings.host)}
  port: {settings.mqtt_port}
  ack_wait: "30s"
  max_ack_pending: {MAX_ACK_PENDING}
{_replicas(settings.cluster)}}}
{_cluster(settings)}authorization {{
  users: [
{users}
  ]
}}
"""


def _replicas(cluster: NatsCluster | None) -> str:
    return f"  stream_replicas: {cluster.replicas}\n" if cluster else ""


def _cluster(settings: NatsSettings) -> str:
    cluster = settings.cluster
    if cluster is None:
        return ""
    routes = [f"nats-route://siloscope:{quote(cluster.password, safe='')}@{peer}" for peer in cluster.peers]
    return f"""\
cluster {{
  name: siloscope
  host: {json.dumps(settings.client_host)}
  port: {cluster.port}
  authorization {{ user: siloscope, password: {json.dumps(cluster.password)}, timeout: 5 }}
  routes: {json.dumps(routes)}
}}
"""


def _user(recognition: Recognition) -> str:
    permissions = recognition.principal.permissions
    publish = [nats_subject(each) for each in permissions.publish]
    # NATS has no $SYS topics for MQTT clients, and its own $SYS subjects are not for monitors.
    subscribe = [nats_subject(each) for each in permissions.subscribe if not each.startswith("$")]
    allowed_subscribe = [*subscribe, _DELIVERY] if subscribe else []
    connections = ["MQTT"]
    if recognition.principal.kind is PrincipalKind.INGEST:
        # Ingest may also pull samples from a JetStream stream, in NATS's own protocol.
        connections.append("STANDARD")
        publish += streams.puller_publishes()
        allowed_subscribe += streams.puller_subscribes()
    return (
        f"    {{user: {json.dumps(recognition.username)}, password: {json.dumps(recognition.bcrypt)},"
        f" allowed_connection_types: {json.dumps(connections)},\n"
        f"     permissions: {{publish: {_rule(publish)}, subscribe: {_rule(allowed_subscribe)}}}}}"
    )


def _rule(subjects: list[str]) -> str:
    """An empty list would allow everything; it must be said that everything is denied."""
    return f"{{allow: {json.dumps(subjects)}}}" if subjects else '{deny: [">"]}'
