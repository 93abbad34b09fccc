from dataclasses import replace
from pathlib import Path

from siloscope_contract.topics import NodeName
from siloscope_gateway.brokers.mosquitto import (
    MosquittoSettings,
    mosquitto_acl,
    mosquitto_config,
    mosquitto_passwords,
)
from siloscope_gateway.brokers.nats import NatsCluster, NatsSettings, nats_config
from siloscope_gateway.credentials import Recognition
from siloscope_gateway.principals import Principal

YARD = Recognition("node.yard.1", Principal.of_node(NodeName.of("demo", "north", "yard")), "$2a$05$hash", "$7$1$s$h")
SITE = Recognition("site.north.1", Principal.of_site("demo", "north"), "$2a$05$other", "$7$1$s$o")
INGEST = Recognition("ingest.1", Principal.ingest(), "$2a$05$third", "$7$1$s$t")
MONITOR = Recognition("monitor.1", Principal.monitor(), "$2a$05$fourth", "$7$1$s$f")
SETTINGS = NatsSettings(1883, 4222, Path("/srv/x y/jetstream"))


def nats_line(recognition: Recognition) -> str:
    text = nats_config(SETTINGS, [recognition])
    return text[text.index("permissions: ") : text.index("\n  ]\n")]


def test_nats_denies_all_where_nothing_is_allowed() -> None:
    """An empty list of allowed subjects would mean that all are."""
    assert 'subscribe: {deny: [">"]}' in nats_line(SITE)
    assert 'publish: {deny: [">"]}' in nats_line(MONITOR)


def test_nats_lets_a_reader_have_its_deliveries() -> None:
    assert '"$MQTT.sub.>"' in nats_line(YARD)
    assert '"silo.v1.demo.north.yard.committed"' in nats_line(YARD)


def test_nats_gives_no_monitor_its_own_system_subjects() -> None:
    assert "$SYS" not in nats_line(MONITOR)


def test_every_nats_user_but_ingest_is_held_to_mqtt() -> None:
    text = nats_config(SETTINGS, [YARD, SITE, MONITOR])
    assert text.count('allowed_connection_types: ["MQTT"]') == text.count("user: ") == 3
    assert 'allowed_connection_types: ["MQTT", "STANDARD"]' in nats_config(SETTINGS, [INGEST])


def test_the_stream_of_samples_is_ingests_alone() -> None:
    assert '"$JS.API.CONSUMER.MSG.NEXT.SILO_SAMPLES.ingest"' in nats_line(INGEST)
    assert not [each for each in (YARD, SITE, MONITOR) if "$JS" in nats_line(each) or "_INBOX" in nats_line(each)]


def test_four_subscriptions_of_a_session_fit_nats_limit() -> None:
    acks = next(line for line in nats_config(SETTINGS, []).splitlines() if "max_ack_pending" in line)
    assert 4 * int(acks.split(":")[1]) <= 65_535


def test_a_server_of_a_cluster_knows_the_others_and_keeps_everything_on_each() -> None:
    cluster = NatsCluster("n1", 6222, ("10.0.0.1:6222", "10.0.0.2:6222"), "p@ss/word")
    text = nats_config(replace(SETTINGS, client_host="10.0.0.1", cluster=cluster), [INGEST])
    assert 'server_name: "n1"' in text
    assert '"nats-route://siloscope:p%40ss%2Fword@10.0.0.2:6222"' in text
    assert "stream_replicas: 3" in text
    assert "p@ss" not in repr(cluster)
    assert "cluster" not in nats_config(SETTINGS, [INGEST])


def test_paths_with_spaces_stay_whole() -> None:
    assert 'store_dir: "/srv/x y/jetstream"' in nats_config(SETTINGS, [])


def test_configurations_do_not_depend_on_the_order_of_credentials() -> None:
    assert nats_config(SETTINGS, [YARD, SITE]) == nats_config(SETTINGS, [SITE, YARD])
    assert mosquitto_acl([YARD, SITE]) == mosquitto_acl([SITE, YARD])


def test_mosquitto_knows_whom_it_lets_in() -> None:
    settings = MosquittoSettings(1883, Path("/p"), Path("/a"), Path("/d"))
    text = mosquitto_config(settings)
    assert "allow_anonymous false" in text
    assert "listener 1883 127.0.0.1" in text
    assert mosquitto_passwords([YARD]) == "node.yard.1:$7$1$s$h\n"


def test_mosquitto_access_list_names_what_is_written_and_read() -> None:
    assert mosquitto_acl([INGEST]).splitlines() == [
        "user ingest.1",
        "topic write silo/v1/+/+/+/committed",
        "topic read silo/v1/+/+/+/samples",
        "topic read silo/v1/+/+/+/birth",
        "topic read silo/v1/+/+/+/heartbeat",
        "topic read silo/v1/+/+/+/status",
    ]
    assert "read" not in mosquitto_acl([SITE])
