"""A checked configuration: every name, port, address and profile in it can be meant."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from siloscope_contract.errors import ContractError
from siloscope_contract.names import slug
from siloscope_edge import buses
from siloscope_edge.alarms import plan
from siloscope_edge.alarms.outputs import Output
from siloscope_edge.config import VITALS_DEVICE, Bus, Config, ConfigFile, Mqtt
from siloscope_edge.driver import Driver
from siloscope_edge.errors import Misconfigured
from siloscope_edge.instruments import Device, Instrument
from siloscope_edge.profile_files import catalogue
from siloscope_edge.profile_files import read as read_profile
from siloscope_edge.profiles import Profile
from siloscope_process.documents import Document, Fault
from siloscope_process.expectations import Place, nearest


class Installation(Struct, frozen=True):
    """A checked configuration: the file, for each bus its driver and its instruments, and what alarms may switch."""

    config: Config
    instruments: dict[str, tuple[Instrument, ...]]
    drivers: dict[str, Driver]
    outputs: tuple[Output, ...] = ()


def read(file: Path) -> Installation:
    """Read and check a configuration with all profiles that it uses.

    Raises:
        Misconfigured: Something in it, or in a profile, cannot be meant.
    """
    return checked(Document.read(file, Misconfigured), file.absolute().parent)


def checked(document: Document, base: Path) -> Installation:
    """Check a configuration with all profiles that it uses.

    Args:
        document: What it says.
        base: The directory that relative paths start from.

    Raises:
        Misconfigured: Something in it, or in a profile, cannot be meant.
    """
    written = document.convert(ConfigFile)
    found = [buses.read(document, index, str(base)) for index in range(len(written.buses))]
    if (written.clock.source == "file") != (written.clock.file is not None):
        expected = "a file where clock.source is file, and only there"
        raise document.fault(("clock", "file"), written.clock.file or "nothing", expected)
    if (wrong := written.page.wrong()) is not None:
        place, said, expected = wrong
        raise document.fault(("page", *place), said, expected)
    tls = written.mqtt.tls
    if tls is not None and (tls.certificate_file is None) != (tls.key_file is None):
        raise document.fault(("mqtt", "tls"), "one of the two", "certificate_file and key_file, or none of them")
    config = _with_buses(written, tuple(bus for bus, _ in found), base)
    drivers = {bus.name: driver for bus, driver in found}
    _check_names(config, document)
    profiles = _Profiles(catalogue(_profile_directories(config, document)))
    instruments = {
        bus.name: tuple(
            _instrument(device, drivers[bus.name], profiles, document, ("buses", index, "devices", at))
            for at, device in enumerate(bus.devices)
        )
        for index, bus in enumerate(config.buses)
    }
    _check_unique(config, document)
    outputs = plan.outputs(document, instruments, drivers)
    plan.check(config.alarms, outputs, instruments, document)
    return Installation(config, instruments, drivers, outputs)


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
    """Profiles by name and choices, each read once and only where it is used."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.files = files
        self._read: dict[tuple[str, tuple[tuple[str, str], ...]], Profile] = {}

    def named(self, name: str, chosen: Mapping[str, str]) -> Profile:
        key = (name, tuple(sorted(chosen.items())))
        if key not in self._read:
            self._read[key] = read_profile(self.files[name], chosen)
        return self._read[key]


def _with_buses(written: ConfigFile, found: tuple[Bus, ...], base: Path) -> Config:
    mqtt = written.mqtt
    if mqtt.password_file is not None:
        mqtt = replace(mqtt, password_file=str(base / mqtt.password_file))
    if mqtt.tls is not None:
        mqtt = replace(mqtt, tls=mqtt.tls.based(str(base)))
    clock = written.clock
    if clock.file is not None:
        clock = replace(clock, file=str(base / clock.file))
    return Config(
        **{
            **msgspec.structs.asdict(written),
            "mqtt": mqtt,
            "clock": clock,
            "buses": found,
            "data_directory": str(base / written.data_directory),
            "profile_directories": tuple(str(base / each) for each in written.profile_directories),
        }
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


def _instrument(device: Device, driver: Driver, profiles: _Profiles, document: Document, place: Place) -> Instrument:
    if device.profile not in profiles.files:
        raise document.fault((*place, "profile"), device.profile, nearest(list(profiles.files), device.profile))
    profile = profiles.named(device.profile, {})
    if not isinstance(profile, driver.profile):
        raise document.fault((*place, "profile"), device.profile, f"a profile of protocol {driver.name} on this bus")
    for name, choice in device.options.items():
        if name not in profile.options:
            expected = nearest(profile.options, name) if profile.options else "none: it has no options"
            raise document.fault((*place, "options", name), name, expected)
        if choice not in profile.options[name].choices:
            raise document.fault((*place, "options", name), choice, nearest(profile.options[name].choices, choice))
    return Instrument(device, profiles.named(device.profile, device.options))


def _check_unique(config: Config, document: Document) -> None:
    """Refuse two owners of one port, two devices of one name, and two of one address on a bus."""
    ports: dict[object, str] = {}
    names: set[str] = set()
    devices = {VITALS_DEVICE} if config.vitals_period_s else set()
    for index, bus in enumerate(config.buses):
        place: Place = ("buses", index)
        if bus.line.end in ports:
            raise document.fault(place, bus.line.where, f"a port of its own; bus {ports[bus.line.end]!r} has this one")
        ports[bus.line.end] = bus.name
        if bus.name in names:
            raise document.fault((*place, "name"), bus.name, "each bus name once")
        names.add(bus.name)
        addresses = set[object]()
        for at, device in enumerate(bus.devices):
            inner: Place = (*place, "devices", at)
            if device.name in devices:
                raise document.fault((*inner, "name"), device.name, "each device name once in a node")
            devices.add(device.name)
            if device.address_on_line in addresses:
                expected = "each address once on a bus" if device.addressed_by else f"one device on a {bus.kind} line"
                raise document.fault((*inner, device.addressed_by or "name"), device.address_on_line, expected)
            addresses.add(device.address_on_line)
