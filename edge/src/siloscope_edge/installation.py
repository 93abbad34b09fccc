"""A checked configuration: every name, port, address and profile in it can be meant."""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from siloscope_contract.errors import ContractError
from siloscope_contract.names import slug
from siloscope_edge.config import TRANSPORTS, VITALS_DEVICE, Bus, Config, Device, ModbusRtu, ModbusTcp, Mqtt, Wxt
from siloscope_edge.errors import Misconfigured
from siloscope_edge.profiles import Profile, WxtProfile, catalogue
from siloscope_edge.profiles import read as read_profile
from siloscope_process.documents import Document, Fault
from siloscope_process.expectations import Place, nearest


class Instrument(Struct, frozen=True):
    """A device with its profile: all that polling needs."""

    device: Device
    profile: Profile

    @property
    def name(self) -> str:
        """The device's name."""
        return self.device.name

    @property
    def period_s(self) -> float:
        """How often it is read."""
        return self.device.period_s or self.profile.period_s


class Installation(Struct, frozen=True):
    """A checked configuration: the file, and for each bus its instruments."""

    config: Config
    instruments: dict[str, tuple[Instrument, ...]]


def read(file: Path) -> Installation:
    """Read and check a configuration with all profiles that it uses.

    Raises:
        Misconfigured: Something in it, or in a profile, cannot be meant.
    """
    document = Document.read(file, Misconfigured)
    config = document.convert(Config)
    base = file.absolute().parent
    config = _with_absolute_paths(config, base)
    _check_names(config, document)
    profiles = _Profiles(catalogue(_profile_directories(config, document)))
    instruments = {}
    for index, bus in enumerate(config.buses):
        _check_transport(bus, document, ("buses", index))
        found = [_instrument(bus, at, profiles, document, index) for at in range(len(bus.devices))]
        instruments[bus.name] = tuple(found)
    _check_unique(config, document)
    return Installation(config, instruments)


def password(mqtt: Mqtt) -> str | None:
    """Return the broker password from its file.

    Raises:
        Misconfigured: The file cannot be read, or is empty.
    """
    if mqtt.password_file is None:
        return None
    file = Path(mqtt.password_file)
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = str(error.strerror) if isinstance(error, OSError) else "not UTF-8"
        raise _no_password(file, reason, "a readable file") from error
    if not text:
        raise _no_password(file, "an empty file", "the password in it")
    return text


def _no_password(file: Path, found: str, expected: str) -> Misconfigured:
    return Misconfigured(Fault(file, None, "wrong", ("mqtt", "password_file"), found, expected))


class _Profiles:
    """Profiles by name, each read once and only where it is used."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.files = files
        self._read: dict[str, Profile] = {}

    def named(self, name: str) -> Profile:
        if name not in self._read:
            self._read[name] = read_profile(self.files[name])
        return self._read[name]


def _with_absolute_paths(config: Config, base: Path) -> Config:
    def absolute(path: str) -> str:
        return str(base / path)

    mqtt = config.mqtt
    if mqtt.password_file is not None:
        mqtt = replace(mqtt, password_file=absolute(mqtt.password_file))
    buses = []
    for bus in config.buses:
        changes: dict[str, ModbusRtu | Wxt] = {}
        if bus.modbus_rtu is not None:
            changes["modbus_rtu"] = replace(bus.modbus_rtu, port=absolute(bus.modbus_rtu.port))
        if bus.wxt is not None:
            changes["wxt"] = replace(bus.wxt, port=absolute(bus.wxt.port))
        buses.append(replace(bus, **changes))
    return replace(
        config,
        mqtt=mqtt,
        buses=tuple(buses),
        data_directory=absolute(config.data_directory),
        profile_directories=tuple(absolute(each) for each in config.profile_directories),
    )


def _profile_directories(config: Config, document: Document) -> list[Path]:
    directories = [Path(each) for each in config.profile_directories]
    for index, directory in enumerate(directories):
        if not directory.is_dir():
            raise document.fault(("profile_directories", index), str(directory), "a directory of profiles")
    return directories


def _check_names(config: Config, document: Document) -> None:
    named: list[tuple[Place, str]] = [
        (("organisation",), config.organisation),
        (("site",), config.site),
        (("node",), config.node),
    ]
    for index, bus in enumerate(config.buses):
        named.append((("buses", index, "name"), bus.name))
        named += [(("buses", index, "devices", at, "name"), device.name) for at, device in enumerate(bus.devices)]
    for place, text in named:
        try:
            slug(text)
        except ContractError as error:
            raise document.fault(place, text, error.expected) from error


def _check_transport(bus: Bus, document: Document, place: Place) -> None:
    given = [name for name in TRANSPORTS if getattr(bus, name) is not None]
    if len(given) != 1:
        raise document.fault(place, " and ".join(given) or "no transport", f"exactly one of {', '.join(TRANSPORTS)}")


def _instrument(bus: Bus, at: int, profiles: _Profiles, document: Document, index: int) -> Instrument:
    device = bus.devices[at]
    place: Place = ("buses", index, "devices", at)
    if device.profile not in profiles.files:
        raise document.fault((*place, "profile"), device.profile, nearest(list(profiles.files), device.profile))
    profile = profiles.named(device.profile)
    if isinstance(profile, WxtProfile) != (bus.wxt is not None):
        protocols = "wxt" if bus.wxt is not None else "modbus"
        raise document.fault((*place, "profile"), device.profile, f"a profile of protocol {protocols} on this bus")
    wanted, other = ("address", "unit_id") if bus.wxt is not None else ("unit_id", "address")
    if getattr(device, wanted) is None:
        raise document.fault((*place, wanted), "nothing", f"the device's {wanted}")
    if getattr(device, other) is not None:
        raise document.fault((*place, other), getattr(device, other), f"{wanted} only, on this bus")
    return Instrument(device, profile)


def _check_unique(config: Config, document: Document) -> None:
    """Refuse two owners of one port, two devices of one name, and two of one address on a bus."""
    ports: dict[object, str] = {}
    buses: set[str] = set()
    devices = {VITALS_DEVICE} if config.vitals_period_s else set()
    for index, bus in enumerate(config.buses):
        place: Place = ("buses", index)
        line = bus.line
        port = (line.host, line.port) if isinstance(line, ModbusTcp) else os.path.realpath(line.port)
        if port in ports:
            raise document.fault(place, line.port, f"a port of its own; bus {ports[port]!r} has this one")
        ports[port] = bus.name
        if bus.name in buses:
            raise document.fault((*place, "name"), bus.name, "each bus name once")
        buses.add(bus.name)
        addresses = set[object]()
        for at, device in enumerate(bus.devices):
            inner: Place = (*place, "devices", at)
            if device.name in devices:
                raise document.fault((*inner, "name"), device.name, "each device name once in a node")
            devices.add(device.name)
            address = device.unit_id if device.unit_id is not None else device.address
            if address in addresses:
                raise document.fault((*inner, "unit_id"), address, "each address once on a bus")
            addresses.add(address)
