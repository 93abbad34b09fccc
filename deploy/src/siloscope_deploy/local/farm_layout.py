"""The layout of the simulated farm: its sites, its places, and which channel measures where."""

from siloscope_deploy.local.endpoints import Endpoints, Instrument, Site, SpotOfChannel
from siloscope_store.layout import Layout, Organisation, Place, Spot
from siloscope_store.layout import Site as SiteLayout

_SOURCE = "the simulated farm"


def farm_layout(found: Endpoints) -> Layout:
    """Return what the database should know of the farm."""
    sites = [_site(site, found) for site in found.sites]
    return Layout([Organisation(found.organisation, found.organisation.capitalize(), sites)])


def _site(site: Site, found: Endpoints) -> SiteLayout:
    standing = [
        (instrument, bus.node) for bus in found.buses if bus.site == site.name for instrument in bus.instruments
    ]
    places = [
        Place(place.name, place.title or place.name, place.kind, {}, _spots(place.name, standing))
        for place in site.places
    ]
    return SiteLayout(site.name, site.title, site.time_zone, site.latitude, site.longitude, places)


def _spots(place: str, standing: list[tuple[Instrument, str]]) -> list[Spot]:
    return [
        _spot(node, instrument.name, channel)
        for instrument, node in standing
        if instrument.place.name == place
        for channel in instrument.channels
    ]


def _spot(node: str, device: str, channel: SpotOfChannel) -> Spot:
    return Spot(node, device, channel.key, channel.cable, channel.level, channel.spot, None, _SOURCE)
