"""What channels, routes and digests say and cannot mean. Pure; who exists is told."""

import re
from collections.abc import Collection, Iterator, Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from siloscope_contract.alerts.routes import SECRETS, Channel, Digest, Route
from siloscope_contract.alerts.spans import seconds
from siloscope_contract.alerts.validation import Problem, unfit_values
from siloscope_contract.errors import one_of

_MAIL = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+")
_CHAT = re.compile(r"-?\d{1,20}|@[A-Za-z]\w{4,31}")
_WEB = re.compile(r"https?://[^\s/@]+(/\S*)?")
_ADDRESSES = {
    "email": (_MAIL, "an address such as ada@farm.example"),
    "telegram": (_CHAT, "a chat's number, in quotes, or @name"),
    "webhook": (_WEB, "an http or https URL without user and password"),
}


def channel_faults(channel: Channel, secrets: Collection[str]) -> Sequence[Problem]:
    """Return what a channel cannot mean.

    Args:
        channel: As it was read.
        secrets: Names of the secrets that it will have.
    """
    unfit = unfit_values(channel)
    return unfit or [*_of_addresses(channel), *_of_secrets(channel, secrets), *_of_zone(channel)]


def route_faults(route: Route, channels: Collection[str]) -> Sequence[Problem]:
    """Return what a route cannot mean, where these are the channels."""
    found: list[Problem] = [*unfit_values(route)]
    before = -1
    for index, step in enumerate(route.steps):
        found += _known(step.channels, channels, ("steps", index, "channels"))
        after = seconds(step.after)
        if after <= before:
            expected = f"later than the step before ({before} s)"
            found.append(Problem(("steps", index, "after"), repr(step.after), expected))
        before = after
    if route.repeat is not None and seconds(route.repeat) < 60:
        found.append(Problem(("repeat",), repr(route.repeat), "at least 1m"))
    return found


def digest_faults(digest: Digest, channels: Collection[str]) -> Sequence[Problem]:
    """Return what a digest cannot mean, where these are the channels."""
    return [*_known(digest.channels, channels, ("channels",)), *_zone(digest.time_zone, ("time_zone",))]


def _of_addresses(channel: Channel) -> Iterator[Problem]:
    if channel.kind == "apprise":
        if channel.to:
            yield Problem(("to",), "addresses", "none: Apprise's URL is a secret and names them")
        return
    pattern, expected = _ADDRESSES[channel.kind]
    if not channel.to or (channel.kind == "webhook" and len(channel.to) != 1):
        yield Problem(("to",), f"{len(channel.to)} addresses", f"{expected}, {_how_many(channel)}")
    for index, address in enumerate(channel.to):
        if pattern.fullmatch(address) is None:
            yield Problem(("to", index), repr(address[:80]), expected)


def _how_many(channel: Channel) -> str:
    return "one" if channel.kind == "webhook" else "at least one"


def _of_secrets(channel: Channel, secrets: Collection[str]) -> Iterator[Problem]:
    wanted = SECRETS[channel.kind]
    for name in wanted:
        if name not in secrets:
            yield Problem(("secrets", name), "nothing", f"what {channel.kind} needs, beside the document")
    for name in sorted(secrets):
        if name not in wanted:
            expected = f"for {channel.kind} {' and '.join(wanted) or 'none'}"
            yield Problem(("secrets", name), "a secret of this name", expected)


def _of_zone(channel: Channel) -> Iterator[Problem]:
    if channel.reader.time_zone is not None:
        yield from _zone(channel.reader.time_zone, ("reader", "time_zone"))


def _zone(name: str, path: tuple[str | int, ...]) -> Iterator[Problem]:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Problem(path, repr(name[:80]), "an IANA time zone such as Europe/Kyiv")


def _known(found: Sequence[str], channels: Collection[str], path: tuple[str | int, ...]) -> Iterator[Problem]:
    for index, slug in enumerate(found):
        if slug not in channels:
            yield Problem((*path, index), repr(slug), f"a channel; {one_of(sorted(channels), slug)}")
