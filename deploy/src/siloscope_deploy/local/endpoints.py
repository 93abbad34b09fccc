"""What the simulator says about its open ports: buses, the instruments on them, and where each channel measures."""

from pathlib import Path
from typing import Any

import msgspec

from siloscope_deploy.errors import DeployError


class Place(msgspec.Struct, frozen=True):
    """A place that instruments measure."""

    name: str
    kind: str
    title: str = ""


class SpotOfChannel(msgspec.Struct, frozen=True):
    """Where in its place a channel measures."""

    key: str
    cable: int | None = None
    level: int | None = None
    spot: str | None = None


class Instrument(msgspec.Struct, frozen=True, kw_only=True):
    """One instrument; `kind` is the name of the edge's profile."""

    name: str
    kind: str
    title: str = ""
    unit_id: int | None = None
    address: str | None = None
    period_s: float | None = None
    place: Place
    channels: tuple[SpotOfChannel, ...] = ()


class Bus(msgspec.Struct, frozen=True, kw_only=True):
    """One port; `transport` has one key, and the words below it are those of the edge's configuration."""

    name: str
    site: str
    node: str
    transport: dict[str, dict[str, Any]]
    instruments: tuple[Instrument, ...]


class Site(msgspec.Struct, frozen=True):
    """A site of the simulated world."""

    name: str
    title: str
    time_zone: str
    latitude: float
    longitude: float
    places: tuple[Place, ...]


class Endpoints(msgspec.Struct, frozen=True):
    """All that the simulator opened, and the sites that it belongs to."""

    organisation: str
    sites: tuple[Site, ...]
    buses: tuple[Bus, ...]

    @property
    def nodes(self) -> tuple[tuple[str, str], ...]:
        """Site and node of every edge that is needed, each once, in order."""
        return tuple(dict.fromkeys((bus.site, bus.node) for bus in self.buses))

    def of_node(self, site: str, node: str) -> tuple[Bus, ...]:
        """The buses that one node reads."""
        return tuple(bus for bus in self.buses if (bus.site, bus.node) == (site, node))


class EndpointsUnreadable(DeployError):
    """The simulator's file is not what was agreed."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path}: {problem}; expected what `siloscope sim run` writes")


def read(path: Path) -> Endpoints:
    """Read `endpoints.json`.

    Raises:
        EndpointsUnreadable: It is missing or malformed.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Endpoints)
    except (OSError, msgspec.MsgspecError) as error:
        raise EndpointsUnreadable(path, str(error)) from error
