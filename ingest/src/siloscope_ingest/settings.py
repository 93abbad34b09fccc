"""What `siloscope ingest` can be told by environment variables."""

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from siloscope_contract.names import is_slug
from siloscope_process.settings import ServiceSettings


class IngestSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of `siloscope ingest`."""

    database_url: Annotated[
        str, Meta(description="PostgreSQL 15 or newer: postgresql://user:password@host:port/database")
    ]
    mqtt_url: Annotated[
        str,
        Meta(
            description=(
                "mqtt://user:password@host:port of an ingest credential; mqtts:// for TLS; a cluster's servers are"
                " separated by commas"
            )
        ),
    ]
    mqtt_password_file: Annotated[
        Path | None, Meta(description="File whose first line is the broker password; stands for the one in the URL")
    ] = None
    mqtt_version: Annotated[
        Literal["auto", "5", "3.1.1"], Meta(description="Version of MQTT; auto = 5 where the broker speaks it")
    ] = "auto"
    ingest_worker: Annotated[
        str, Meta(description="Slug of this worker, part of its MQTT client id; two workers need two")
    ] = "main"
    ingest_shared_group: Annotated[
        str | None,
        Meta(description="Slug: workers of one group share the samples of an MQTT 5 broker; unset = each takes all"),
    ] = None
    nats_url: Annotated[
        str | None,
        Meta(
            description=(
                "nats://host:port of each server of a NATS cluster, separated by commas: samples are pulled from a"
                " JetStream stream that any number of workers share; the credential is the one of SILOSCOPE_MQTT_URL"
            )
        ),
    ] = None
    nats_replicas: Annotated[
        int, Meta(description="On how many servers of the cluster that stream is kept", ge=1, le=5)
    ] = 3
    nats_stream_mib: Annotated[
        int,
        Meta(description="Most MiB that stream keeps; beyond it the oldest go, and edges send them again", ge=1),
    ] = 1024
    traces_url: Annotated[
        str | None,
        Meta(description="http://host:4318/v1/traces of an OpenTelemetry collector (OTLP/HTTP); unset = no traces"),
    ] = None
    traces_every: Annotated[int, Meta(description="Every how manieth pack of an epoch is traced", ge=1)] = 1000
    register_plain_devices: Annotated[
        bool, Meta(description="Whether devices that were never announced are registered by their first samples")
    ] = True
    most_devices_per_node: Annotated[
        int, Meta(description="How many devices a node gets that way", ge=1, le=10_000)
    ] = 64
    birth_wait_s: Annotated[
        float,
        Meta(
            description="How long numbered packs of a node with a birth or credential wait until a birth names them",
            ge=0,
            le=3600,
        ),
    ] = 60
    believed_past_days: Annotated[
        float, Meta(description="Samples older than this are kept apart as undated", gt=0, le=36_525)
    ] = 3_653
    believed_future_days: Annotated[
        float, Meta(description="Samples further in the future than this are kept apart as undated", ge=0, le=3_653)
    ] = 1
    clock_tolerance_s: Annotated[
        float,
        Meta(description="Samples further ahead of their arrival than this are stored, but never as the latest", ge=0),
    ] = 60
    near_past_days: Annotated[
        float, Meta(description="Samples older than this open a new week only within the two limits below", gt=0)
    ] = 60
    far_weeks_a_day: Annotated[
        int,
        Meta(description="How many such weeks are opened a day; beyond that their samples are kept as undated", ge=0),
    ] = 8
    backlog_weeks_a_day: Annotated[
        int, Meta(description="The same for weeks beside one that the same node wrote to, as a long backlog does", ge=0)
    ] = 260
    quarantined_a_minute: Annotated[
        int, Meta(description="Refused messages of one node that are kept a minute; beyond that they are counted", ge=1)
    ] = 60
    ingest_batch_messages: Annotated[int, Meta(description="Most messages a transaction", ge=1)] = 12_000
    ingest_held_messages: Annotated[
        int, Meta(description="Most messages held between broker and database; then no more are read", ge=1)
    ] = 40_000
    ingest_held_mib: Annotated[int, Meta(description="The same limit in MiB of payload", ge=1)] = 64

    def __post_init__(self) -> None:
        """Judge what a type cannot."""
        for variable, text in (
            ("SILOSCOPE_INGEST_WORKER", self.ingest_worker),
            ("SILOSCOPE_INGEST_SHARED_GROUP", self.ingest_shared_group),
        ):
            if text is not None and not is_slug(text):
                raise ValueError(f"{variable} is {text!r}; expected a slug: 1 to 64 of a-z, 0-9, _ and -")
        if self.ingest_shared_group is not None and self.nats_url is not None:
            raise ValueError("SILOSCOPE_INGEST_SHARED_GROUP and SILOSCOPE_NATS_URL exclude each other; found both")
        if self.ingest_shared_group is not None and self.mqtt_version == "3.1.1":
            raise ValueError("SILOSCOPE_INGEST_SHARED_GROUP needs MQTT 5; found SILOSCOPE_MQTT_VERSION=3.1.1")
