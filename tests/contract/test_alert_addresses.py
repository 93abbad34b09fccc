"""What channels, routes and digests cannot mean."""

from typing import Any

import msgspec
import pytest

from siloscope_contract.alerts.addresses import channel_faults, digest_faults, route_faults
from siloscope_contract.alerts.routes import Channel, Digest, Route


def places(problems: Any) -> list[str]:
    return [".".join(map(str, each.path)) for each in problems]


@pytest.mark.parametrize(
    ("channel", "secrets"),
    [
        ({"kind": "email", "to": ["ada@farm.example"]}, []),
        ({"kind": "telegram", "to": ["-100123", "@farmers"]}, ["token"]),
        ({"kind": "webhook", "to": ["https://hook.example:8443/a?b=c"]}, ["secret"]),
        ({"kind": "apprise"}, ["url"]),
        ({"kind": "email", "to": ["a@b"], "reader": {"time_zone": "Europe/Kyiv"}}, []),
    ],
)
def test_a_channel_that_can_be_used(channel: dict[str, Any], secrets: list[str]) -> None:
    assert not channel_faults(msgspec.convert({"channel": "one", **channel}, Channel), secrets)


@pytest.mark.parametrize(
    ("channel", "secrets", "place"),
    [
        ({"kind": "email"}, [], "to"),
        ({"kind": "email", "to": ["ada"]}, [], "to.0"),
        ({"kind": "email", "to": ["ada@farm.example\nBcc: eve@evil.example"]}, [], "to.0"),
        ({"kind": "email", "to": ["ada@farm.example, eve@evil.example"]}, [], "to.0"),
        ({"kind": "telegram", "to": ["farm"]}, ["token"], "to.0"),
        ({"kind": "telegram", "to": ["42"]}, [], "secrets.token"),
        ({"kind": "webhook", "to": ["ftp://hook.example"]}, ["secret"], "to.0"),
        ({"kind": "webhook", "to": ["https://user:word@hook.example"]}, ["secret"], "to.0"),
        ({"kind": "webhook", "to": ["https://a.example", "https://b.example"]}, ["secret"], "to"),
        ({"kind": "apprise", "to": ["x"]}, ["url"], "to"),
        ({"kind": "email", "to": ["a@b"]}, ["token"], "secrets.token"),
        ({"kind": "email", "to": ["a@b"], "reader": {"time_zone": "Europe/Kiew"}}, [], "reader.time_zone"),
        ({"kind": "email", "to": ["a@b"], "reader": {"time_zone": "../../etc/passwd"}}, [], "reader.time_zone"),
    ],
)
def test_a_channel_that_cannot(channel: dict[str, Any], secrets: list[str], place: str) -> None:
    assert places(channel_faults(msgspec.convert({"channel": "one", **channel}, Channel), secrets)) == [place]


def test_a_route_names_channels_that_exist_and_climbs() -> None:
    steps = [{"channels": ["mail"]}, {"after": "10m", "channels": ["mial"]}, {"after": "10m", "channels": ["mail"]}]
    found = route_faults(msgspec.convert({"route": "all", "steps": steps, "repeat": "10s"}, Route), ["mail", "cab"])
    assert places(found) == ["steps.1.channels.0", "steps.2.after", "repeat"]
    assert "did you mean 'mail'?" in found[0].expected


def test_a_digest_names_channels_and_a_time_zone_that_exist() -> None:
    found = digest_faults(msgspec.convert({"digest": "d", "channels": ["x"], "time_zone": "Nowhere"}, Digest), [])
    assert places(found) == ["channels.0", "time_zone"]
