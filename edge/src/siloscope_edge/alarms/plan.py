"""Reading and checking what the configuration says of alarms and outputs: whatever cannot be meant is refused."""

from collections.abc import Mapping, Sequence
from math import isfinite

from siloscope_contract.errors import ContractError
from siloscope_contract.names import slug
from siloscope_edge.alarms import calls
from siloscope_edge.alarms.channels import ALARMS_DEVICE, LONGEST_NAME
from siloscope_edge.alarms.outputs import CallOutput, DeviceOutput, Output
from siloscope_edge.alarms.rules import AlarmRule
from siloscope_edge.driver import Driver
from siloscope_edge.instruments import Instrument
from siloscope_process.documents import Document
from siloscope_process.expectations import Place, nearest

Instruments = Mapping[str, tuple[Instrument, ...]]


def outputs(document: Document, instruments: Instruments, drivers: Mapping[str, Driver]) -> tuple[Output, ...]:
    """Return the outputs of a configuration, as the drivers of their devices understand them.

    Raises:
        Misconfigured: One cannot be meant.
    """
    by_device = {each.name: drivers[bus] for bus, found in instruments.items() for each in found}
    written = document.data.get("outputs") or ()
    read = tuple(_output(document, ("outputs", at), by_device) for at in range(len(written)))
    points: dict[tuple[str, str], str] = {}
    for at, each in enumerate(read):
        if isinstance(each, DeviceOutput):
            if (each.device, each.point) in points:
                expected = f"a point of its own; output {points[each.device, each.point]!r} has this one"
                raise document.fault(("outputs", at), f"{each.point} of {each.device}", expected)
            points[each.device, each.point] = each.name
    return read


def check(rules: Sequence[AlarmRule], found: Sequence[Output], instruments: Instruments, document: Document) -> None:
    """Refuse alarms that cannot be meant.

    Raises:
        Misconfigured: One cannot.
    """
    devices = {each.name: each for bus in instruments.values() for each in bus}
    if (rules or found) and ALARMS_DEVICE in devices:
        raise document.fault(("buses",), ALARMS_DEVICE, "another name for that device: the alarms have this one")
    names: set[str] = set()
    for kind, named in (("outputs", [each.name for each in found]), ("alarms", [each.name for each in rules])):
        for at, name in enumerate(named):
            _check_name(name, names, document, (kind, at, "name"))
    for at, rule in enumerate(rules):
        _check_rule(rule, [each.name for each in found], devices, document, ("alarms", at))


def _output(document: Document, place: Place, by_device: Mapping[str, Driver]) -> Output:
    content = document.data["outputs"][place[-1]]
    if "device" not in content:
        if "switch_on" not in content:
            raise document.fault(place, "neither", "a device, or a URL to call under switch_on")
        return _call(document, place)
    device = content["device"]
    if not isinstance(device, str) or device not in by_device:
        raise document.fault((*place, "device"), device, nearest(by_device, str(device)))
    driver = by_device[device]
    if driver.output is None:
        raise document.fault((*place, "device"), device, f"a device that can be switched; {driver.name} cannot")
    read = document.convert(driver.output, at=place)
    driver.check_output(read, document, place)
    return read


def _call(document: Document, place: Place) -> CallOutput:
    read = document.convert(CallOutput, at=place)
    for name, call in (("switch_on", read.switch_on), ("switch_off", read.switch_off)):
        if call is not None and (expected := calls.obstacle(call, allow_public=read.allow_public)):
            raise document.fault((*place, name, "url"), calls.shown(call), expected)
    return read


def _check_name(name: str, names: set[str], document: Document, place: Place) -> None:
    try:
        slug(name, "name")
    except ContractError as error:
        raise document.fault(place, name, error.expected) from error
    if len(name) > LONGEST_NAME:
        raise document.fault(place, name, f"at most {LONGEST_NAME} characters")
    if name in names:
        raise document.fault(place, name, "each name once among alarms and outputs")
    names.add(name)


def _check_rule(
    rule: AlarmRule, switchable: Sequence[str], devices: Mapping[str, Instrument], document: Document, place: Place
) -> None:
    if rule.device not in devices:
        raise document.fault((*place, "device"), rule.device, nearest(devices, rule.device))
    channels = {channel.key: channel for channel in devices[rule.device].profile.channels}
    for at, key in enumerate(rule.channels):
        if key not in channels:
            raise document.fault((*place, "channels", at), key, nearest(channels, key))
    for at, name in enumerate(rule.switches):
        if name not in switchable:
            expected = nearest(switchable, name) if switchable else "an output; none is configured"
            raise document.fault((*place, "switches", at), name, expected)
    _check_levels(rule, document, place)
    for key in rule.channels:
        valid = channels[key].valid
        if valid is not None and not valid[0] <= rule.level <= valid[1]:
            expected = f"a level that {key} can pass: {valid[0]:g} to {valid[1]:g} {channels[key].unit}"
            raise document.fault((*place, _side(rule)), rule.level, expected)
    if rule.unknown_for_s is not None and rule.on_unknown == "hold":
        raise document.fault((*place, "unknown_for_s"), rule.unknown_for_s, "on_unknown: activate with it")


def _check_levels(rule: AlarmRule, document: Document, place: Place) -> None:
    if (rule.above is None) == (rule.below is None):
        found = "neither" if rule.above is None else "both"
        raise document.fault(place, found, "either above or below")
    side = _side(rule)
    if not isfinite(rule.level):
        raise document.fault((*place, side), rule.level, "a number")
    wrong = rule.clears_at > rule.level if side == "above" else rule.clears_at < rule.level
    if wrong or not isfinite(rule.clears_at):
        expected = f"a level at or {'below' if side == 'above' else 'above'} {rule.level:g}"
        raise document.fault((*place, "clear"), rule.clear, expected)


def _side(rule: AlarmRule) -> str:
    return "above" if rule.above is not None else "below"
