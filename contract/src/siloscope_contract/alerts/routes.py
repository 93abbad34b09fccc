"""Who is told what, when and in which words: routes, notification channels, digests."""

from types import MappingProxyType
from typing import Annotated, Literal

from msgspec import Meta, Struct

from siloscope_contract.alerts.rules import Hours, LocalTime, RuleSlug
from siloscope_contract.alerts.selectors import Matcher
from siloscope_contract.alerts.spans import Span
from siloscope_contract.alerts.words import Severity

SECRETS = MappingProxyType({"email": (), "telegram": ("token",), "webhook": ("secret",), "apprise": ("url",)})
"""What each kind of channel needs that no document may hold: a bot's token, the key that signs, a URL with both."""


class Reader(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In which words a channel's readers are told.

    Attributes:
        language: Of the template files: `en`, `uk`.
        units: As stored, or °F, mph, inch and so on.
        time_zone: IANA name; unless told, the site's.
    """

    language: str = "en"
    units: Literal["metric", "us"] = "metric"
    time_zone: str | None = None


class Channel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way to people or programs; tokens and keys are not in it, but in `secrets`.

    Attributes:
        to: Addresses of email; chat ids of Telegram; the one URL of a webhook. Apprise's URL is a secret.
        most_per_hour: Beyond it messages are held back and told in one summary; critical ones are never held back.
    """

    channel: RuleSlug
    kind: Literal["email", "telegram", "webhook", "apprise"]
    to: tuple[str, ...] = ()
    reader: Reader = Reader()
    most_per_hour: Annotated[int, Meta(ge=1, le=3_600)] = 60


class Step(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rung of a route's ladder: after so long without an acknowledgement, these too."""

    after: Span = "0s"
    channels: Annotated[tuple[RuleSlug, ...], Meta(min_length=1)]


class Route(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which incidents go where.

    Attributes:
        hours: When the route is open at all; always unless told.
        quiet: Within these hours what is below `wakes` waits for their end.
        repeat: While it fires and nobody acknowledged, the whole again so often; never unless told.
        stop: Whether routes after this one are not asked.
    """

    route: RuleSlug
    match: Matcher = Matcher()
    hours: tuple[Hours, ...] = ()
    quiet: tuple[Hours, ...] = ()
    wakes: Severity = Severity.CRITICAL
    steps: Annotated[tuple[Step, ...], Meta(min_length=1)]
    repeat: Span | None = None
    resolved: bool = True
    stop: bool = False


class Digest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The regular message that all is quiet, or what is not."""

    digest: RuleSlug
    channels: Annotated[tuple[RuleSlug, ...], Meta(min_length=1)]
    every: Literal["day", "week"] = "day"
    at: LocalTime = "07:00"
    time_zone: str = "Etc/UTC"


class NotifyFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A YAML file of channels, routes and digests; secrets come by environment, never in it."""

    channels: tuple[Channel, ...] = ()
    routes: tuple[Route, ...] = ()
    digests: tuple[Digest, ...] = ()
