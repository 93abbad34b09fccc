"""What an agent is told: who it is, where the broker is, which instruments hang on which bus. One YAML file."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from siloscope_contract.packs import Form
from siloscope_contract.topics import NodeName
from siloscope_edge.alarms.rules import AlarmRule
from siloscope_edge.clock_settings import ClockSettings
from siloscope_edge.instruments import Device, Seconds
from siloscope_edge.page.page_settings import PageSettings
from siloscope_edge.tls import Tls
from siloscope_edge.wires import Line

Port = Annotated[int, Meta(ge=1, le=65535)]
VITALS_DEVICE = "agent"


class Mqtt(Struct, frozen=True, forbid_unknown_fields=True):
    """The broker, and how much may be on its way to it.

    Attributes:
        version: MQTT 5 where the broker has it, else 3.1.1; or one of the two for a broker that does not say so.
        tls: Where given, the connection is encrypted; such brokers usually listen on port 8883.
        unacknowledged_packs: Most packs that the broker has not acknowledged.
        uncommitted_packs: Most packs that were sent and that the database has not committed.
        draining_packs: The same while a backlog is drained and the database keeps up with it.
        backlog_packs_per_s: Bound of packs from the backlog, for a link that costs by use; else as the platform takes
            them. Live ones go first and are not bounded by it.
        resend_after_s: Age at which a sent pack that a watermark shows as missing is sent again; doubles with each try.
        probe_after_s: Silence of the watermark after which one pack is sent again; doubles with each try.
    """

    host: str
    port: Port = 1883
    username: str | None = None
    password_file: str | None = None
    version: Literal["auto", "v5", "v311"] = "auto"
    tls: Tls | None = None
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    heartbeat_s: Seconds = 60.0
    unacknowledged_packs: Annotated[int, Meta(ge=1, le=1000)] = 128
    uncommitted_packs: Annotated[int, Meta(ge=2, le=100_000)] = 1000
    draining_packs: Annotated[int, Meta(ge=2, le=100_000)] = 8000
    backlog_packs_per_s: Seconds | None = None
    resend_after_s: Seconds = 5.0
    probe_after_s: Seconds = 30.0


class SpoolLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """How the spool uses the disk.

    Attributes:
        max_bytes: Bound of the file; beyond it committed packs go, then the oldest are thinned out, then evicted.
        commit_interval_s: Samples of this long share one commit: what a power cut can cost at most.
        keep_committed_s: Committed packs stay this long, so that a restored database can be given them again.
        pack_form: How packs are written.
        thin_to_s: Steps to which samples are thinned out, one after the other, before they are evicted.
    """

    max_bytes: Annotated[int, Meta(ge=262_144)] = 2 * 1024**3
    commit_interval_s: Annotated[float, Meta(ge=0.05, le=2.0)] = 2.0
    keep_committed_s: Annotated[float, Meta(ge=0)] = 7 * 86_400.0
    pack_form: Form = Form.ZLIB
    thin_to_s: tuple[Annotated[float, Meta(gt=0)], ...] = (60.0, 600.0)


class Bus(Struct, frozen=True):
    """One port and what hangs on it: read by one owner, one request at a time.

    Attributes:
        kind: The name of its line in the file, ``modbus_rtu``.
        line: Where it is.
    """

    name: str
    kind: str
    line: Line
    devices: tuple[Device, ...]


class _BesideBuses(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of the file but its buses."""

    organisation: str
    site: str
    node: str
    mqtt: Mqtt
    data_directory: str
    spool: SpoolLimits = field(default_factory=SpoolLimits)
    clock: ClockSettings = field(default_factory=ClockSettings)
    operations_port: Annotated[int, Meta(ge=0, le=65535)] | None = None
    profile_directories: tuple[str, ...] = ()
    vitals_period_s: Seconds | None = 60.0
    alarms: Annotated[tuple[AlarmRule, ...], Meta(max_length=64)] = ()
    outputs: Annotated[tuple[dict[str, Any], ...], Meta(max_length=32)] = ()
    page: PageSettings = field(default_factory=PageSettings)

    @property
    def node_name(self) -> NodeName:
        """The node's full name."""
        return NodeName.of(self.organisation, self.site, self.node)


class ConfigFile(_BesideBuses, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file as it stands; what a bus may say depends on its driver."""

    buses: tuple[dict[str, Any], ...] = ()


class Config(_BesideBuses, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file with its buses as their drivers understand them; its paths are absolute."""

    buses: tuple[Bus, ...] = ()
