"""Whether an alert is one of those that a route or a silence means. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from siloscope_contract.alerts.selectors import Matcher, Selector
from siloscope_contract.alerts.words import Severity


@dataclass(frozen=True)
class About:
    """What an alert is about, in the words of selectors; None where it has no such thing.

    Attributes:
        tags: Attributes of its place over those of its device, as texts.
        covered: It lies below the grain surface.
    """

    severity: Severity
    rule: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    site: str | None = None
    node: str | None = None
    device: str | None = None
    channel: str | None = None
    place: str | None = None
    place_kind: str | None = None
    spot: str | None = None
    quantity: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    covered: bool = False
    vitals: bool = False


def meets(matcher: Matcher, about: About) -> bool:
    """Whether everything that the matcher asks for holds.

    >>> meets(Matcher(rules=("bin-*",)), About(Severity.WARNING, rule="bin-heating"))
    True
    >>> meets(Matcher(select=Selector(channels=("t1",))), About(Severity.WARNING, place="bin-7"))
    False
    """
    return (
        _named(matcher.rules, about.rule)
        and (not matcher.severities or about.severity in matcher.severities)
        and all(about.labels.get(label) == value for label, value in matcher.labels.items())
        and _lies_within(matcher.select, about)
    )


def _lies_within(select: Selector, about: About) -> bool:
    asked = (
        (select.sites, about.site),
        (select.nodes, about.node),
        (select.devices, about.device),
        (select.channels, about.channel),
        (select.places, about.place),
        (select.place_kinds, about.place_kind),
        (select.spots, about.spot),
        (select.quantities, about.quantity),
    )
    return (
        all(_named(names, name) for names, name in asked)
        and all(about.tags.get(tag) == value for tag, value in select.tags.items())
        and (about.covered or not select.covered)
        and (about.vitals or not select.vitals)
    )


def _named(names: Sequence[str], name: str | None) -> bool:
    return not names or (name is not None and any(fnmatchcase(name, pattern) for pattern in names))
