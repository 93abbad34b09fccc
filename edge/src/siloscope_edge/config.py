"""What an agent is told: who it is, where the broker is, which instruments hang on which bus. One YAML file."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from siloscope_contract.packs import Form
from siloscope_contract.topics import NodeName

Port = Annotated[int, Meta(ge=1, le=65535)]
Seconds = Annotated[float, Meta(gt=0)]
VITALS_DEVICE = "agent"
TRANSPORTS = ("modbus_tcp", "modbus_rtu", "wxt")


class Mqtt(Struct, frozen=True, forbid_unknown_fields=True):
    """The broker, and how much may be on its way to it.

    Attributes:
        unacknowledged_packs: Most packs that the broker has not acknowledged.
        uncommitted_packs: Most packs that were sent and that the database has not committed.
        backlog_packs_per_s: Rate of packs from the backlog; live ones go first and are not bounded by it.
        resend_after_s: Age at which a sent pack that a watermark shows as missing is sent again; doubles with each try.
        probe_after_s: Silence of the watermark after which one pack is sent again; doubles with each try.
    """

    host: str
    port: Port = 1883
    username: str | None = None
    password_file: str | None = None
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    heartbeat_s: Seconds = 60.0
    unacknowledged_packs: Annotated[int, Meta(ge=1, le=1000)] = 32
    uncommitted_packs: Annotated[int, Meta(ge=2, le=100_000)] = 1000
    backlog_packs_per_s: Seconds = 500.0
    resend_after_s: Seconds = 5.0
    probe_after_s: Seconds = 30.0


class SpoolLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """How the spool uses the disk.

    Attributes:
        max_bytes: Bound of the file; beyond it the oldest packs go, committed ones first.
        commit_interval_s: Samples of this long share one commit: what a power cut can cost at most.
        keep_committed_s: Committed packs stay this long, so that a restored database can be given them again.
        pack_form: How packs are written.
    """

    max_bytes: Annotated[int, Meta(ge=262_144)] = 2 * 1024**3
    commit_interval_s: Annotated[float, Meta(ge=0.05, le=2.0)] = 1.0
    keep_committed_s: Annotated[float, Meta(ge=0)] = 7 * 86_400.0
    pack_form: Form = Form.ZLIB


class ModbusTcp(Struct, frozen=True, forbid_unknown_fields=True):
    """A Modbus TCP host; several unit ids may answer behind it."""

    host: str
    port: Port = 502


class ModbusRtu(Struct, frozen=True, forbid_unknown_fields=True):
    """A serial port with Modbus RTU devices."""

    port: str
    baud: Annotated[int, Meta(ge=300, le=1_000_000)] = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1


class Wxt(Struct, frozen=True, forbid_unknown_fields=True):
    """A serial port with Vaisala transmitters."""

    port: str
    baud: Annotated[int, Meta(ge=300, le=1_000_000)] = 19200
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1


class Device(Struct, frozen=True, forbid_unknown_fields=True):
    """One instrument on a bus: a Modbus ``unit_id``, or the ``address`` character of a transmitter."""

    name: str
    profile: str
    unit_id: Annotated[int, Meta(ge=1, le=255)] | None = None
    address: Annotated[str, Meta(pattern=r"^[0-9A-Za-z]$")] | None = None
    period_s: Seconds | None = None
    title: str = ""


class Bus(Struct, frozen=True, forbid_unknown_fields=True):
    """One port and what hangs on it: read by one owner, one request at a time."""

    name: str
    devices: Annotated[tuple[Device, ...], Meta(min_length=1)]
    modbus_tcp: ModbusTcp | None = None
    modbus_rtu: ModbusRtu | None = None
    wxt: Wxt | None = None

    @property
    def line(self) -> ModbusTcp | ModbusRtu | Wxt:
        """The one transport that it has."""
        found = self.modbus_tcp or self.modbus_rtu or self.wxt
        if found is None:
            raise ValueError(f"bus {self.name} has no transport")  # `read` refuses such a bus
        return found


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; ``read`` has made its paths absolute."""

    organisation: str
    site: str
    node: str
    mqtt: Mqtt
    data_directory: str
    buses: tuple[Bus, ...] = ()
    spool: SpoolLimits = field(default_factory=SpoolLimits)
    operations_port: Annotated[int, Meta(ge=0, le=65535)] | None = None
    profile_directories: tuple[str, ...] = ()
    vitals_period_s: Seconds | None = 60.0

    @property
    def node_name(self) -> NodeName:
        """The node's full name."""
        return NodeName.of(self.organisation, self.site, self.node)
