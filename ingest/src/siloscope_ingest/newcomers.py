"""Newcomers: what unknown nodes among waiting messages are made of, so that many are registered at once."""

from collections.abc import Callable, Iterable, Mapping

from siloscope_contract.errors import MalformedPack
from siloscope_contract.packs import decode
from siloscope_contract.topics import Kind, NodeName
from siloscope_contract.units import UNITS
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.intake import Route
from siloscope_ingest.nodes import KnownNode
from siloscope_store.registry import MOST_POSITIONS, NewChannel

Newcomers = dict[NodeName, dict[str, list[NewChannel]]]
NewDevices = dict[int, dict[str, list[NewChannel]]]
"""Devices of registered nodes, by node_id and name."""


def newcomers(
    waiting: Iterable[tuple[Route, Delivery]], known: Mapping[NodeName, KnownNode], most_devices: int
) -> Newcomers:
    """Return the unknown nodes that send samples, with the channels of their devices, in order of first appearance.

    Left out is what must be looked at message by message: a node that announces itself with a birth among the same
    messages, and one that has more devices or channels than it may, or sends what cannot be read.
    """
    found: Newcomers = {}
    apart: set[NodeName] = set()
    for route, delivery in waiting:
        name = route.topic.node
        if name in known or name in apart:
            continue
        announced = route.topic.kind is Kind.BIRTH
        if announced or (route.is_samples and not _take(found.setdefault(name, {}), delivery)):
            apart.add(name)
    return {
        name: devices
        for name, devices in found.items()
        if name not in apart and 0 < len(devices) <= most_devices and all(map(_fits, devices.values()))
    }


def new_devices(
    waiting: Iterable[tuple[Route, Delivery]],
    known: Mapping[NodeName, KnownNode],
    is_known: Callable[[int, str], bool],
) -> NewDevices:
    """Return the devices that registered nodes send samples of and never did before, in order of first appearance.

    Left out are nodes that announce their devices, be it among the same messages, and what cannot be read.
    """
    found: NewDevices = {}
    apart: set[int] = set()
    for route, delivery in waiting:
        node = known.get(route.topic.node)
        if node is None or node.is_announced or node.node_id in apart:
            continue
        announced = route.topic.kind is Kind.BIRTH
        if announced or (route.is_samples and not _take(found.setdefault(node.node_id, {}), delivery)):
            apart.add(node.node_id)
    for node_id, devices in found.items():
        found[node_id] = {
            device: channels
            for device, channels in devices.items()
            if not is_known(node_id, device) and _fits(channels)
        }
    return {node_id: devices for node_id, devices in found.items() if devices and node_id not in apart}


def _take(devices: dict[str, list[NewChannel]], delivery: Delivery) -> bool:
    """Add what a message has of new channels; return whether it could be read and goes with what came before."""
    try:
        pack = decode(delivery.payload, received_ms=delivery.received_ms)
    except MalformedPack:
        return False
    for sample in pack.samples:
        units = {name: unit for name, unit in zip(sample.names, sample.units, strict=True) if unit is not None}
        if not units:
            continue  # nothing but failures: they belong to channels that are known, and there are none
        channels = devices.setdefault(sample.device, [])
        before = {each.key: each.unit for each in channels}
        if any(before.get(name, unit) != unit for name, unit in units.items()):
            return False
        channels += [NewChannel(name, UNITS[unit].quantity, unit) for name, unit in units.items() if name not in before]
    return True


def _fits(channels: list[NewChannel]) -> bool:
    return len(channels) <= MOST_POSITIONS
