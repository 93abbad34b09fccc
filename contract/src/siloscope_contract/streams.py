"""The JetStream stream that keeps samples for ingest on a NATS cluster: its names, and who may do what with it.

Ingest makes the stream and pulls from it; the gateway writes the permissions that let it, and nobody else.
"""

from siloscope_contract.topics import Kind, nats_subject, subscription

STREAM = "SILO_SAMPLES"
CONSUMER = "ingest"
"""The one durable consumer, which all workers share."""
INBOX = "_INBOX_silo_ingest"
"""Where the answers to ingest's requests go; nobody else may read there."""

_API = "$JS.API"
NEXT = f"{_API}.CONSUMER.MSG.NEXT.{STREAM}.{CONSUMER}"
"""Asks for messages."""

MQTT_PREFIX = "$MQTT.msgs."
"""Where NATS keeps QoS 1 messages of MQTT topics, before the subject."""
_MQTT_STREAM = "$MQTT_msgs"
MQTT_STREAM_INFO = f"{_API}.STREAM.INFO.{_MQTT_STREAM}"
MQTT_CONSUMER_NAMES = f"{_API}.CONSUMER.NAMES.{_MQTT_STREAM}"
MQTT_CONSUMER_INFO = f"{_API}.CONSUMER.INFO.{_MQTT_STREAM}"
"""Ask what waits in a worker's MQTT session that is to end."""


def subjects() -> list[str]:
    """Return what the stream captures.

    >>> subjects()
    ['silo.v1.*.*.*.samples']
    """
    return [nats_subject(subscription(Kind.SAMPLES))]


def puller_publishes() -> list[str]:
    """Return the subjects that ingest needs in order to make the stream, to pull from it and to acknowledge.

    And in order to see, without changing anything, what waits in an MQTT session.
    """
    return [
        f"{_API}.INFO",
        *(f"{_API}.STREAM.{verb}.{STREAM}" for verb in ("INFO", "CREATE", "UPDATE")),
        *(f"{_API}.CONSUMER.{verb}.{STREAM}.{CONSUMER}" for verb in ("INFO", "CREATE", "DURABLE.CREATE")),
        f"{_API}.CONSUMER.CREATE.{STREAM}.{CONSUMER}.>",
        NEXT,
        f"$JS.ACK.{STREAM}.{CONSUMER}.>",
        MQTT_STREAM_INFO,
        MQTT_CONSUMER_NAMES,
        f"{MQTT_CONSUMER_INFO}.*",
    ]


def puller_subscribes() -> list[str]:
    """Return the subjects that ingest reads beside its MQTT topics."""
    return [f"{INBOX}.>"]
