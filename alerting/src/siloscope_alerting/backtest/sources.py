"""Where a backtest takes rules, channels, history and routes from: the database, or files. Nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from siloscope_alerting.backtest.paging import Ways
from siloscope_alerting.backtest.series import SeriesChannel, SeriesSet, read_series
from siloscope_alerting.columns import BoundRule, Catalogue, ChannelFacts, Int64
from siloscope_alerting.engine.subjects import matched
from siloscope_alerting.engine.table import Table
from siloscope_alerting.errors import RuleRefused
from siloscope_alerting.notify.routing import BoundRoute
from siloscope_alerting.ports import History
from siloscope_alerting.rulesets.shipped import shipped
from siloscope_alerting.watch.catalogue import bound, catalogue
from siloscope_alerting.watch.history import DatabaseHistory
from siloscope_contract.alerts.routes import NotifyFile, Route
from siloscope_contract.alerts.rules import Rule, RuleFile
from siloscope_contract.alerts.selectors import Selector
from siloscope_contract.alerts.validation import faults
from siloscope_contract.errors import one_of
from siloscope_process.documents import Document, spelled
from siloscope_store import alert_catalogue, alert_rules, notify_documents
from siloscope_store.connections import Pool, borrowed

SHIPPED = "shipped:"


@dataclass(frozen=True)
class Source:
    """Everything that a backtest reads.

    Attributes:
        watched: Rules that were asked for; others are among `rules` because they inhibit these.
    """

    rules: Sequence[BoundRule]
    watched: Sequence[str]
    catalogue: Catalogue
    history: History
    ways: Ways = field(default_factory=Ways)
    arrivals: Mapping[int, Int64] | None = None


def rules_from(named: str) -> tuple[Rule, ...]:
    """Return the rules of a file, or those of `shipped:NAME`, or one of them, `shipped:NAME/RULE`.

    Raises:
        RuleRefused: There are none of that name, or one cannot be meant.
    """
    if named.startswith(SHIPPED):
        name, _, slug = named.removeprefix(SHIPPED).partition("/")
        rules, place = shipped(name), named
        if slug and slug not in {rule.rule for rule in rules}:
            raise RuleRefused(place, repr(slug), one_of([rule.rule for rule in rules], slug))
    else:
        slug, place = "", named
        rules = Document.read(Path(named)).convert(RuleFile).rules
    known = {rule.rule: rule for rule in rules}
    for rule in rules:
        refuse_faults(rule, known, place)
    return tuple(rule for rule in rules if not slug or rule.rule == slug)


def refuse_faults(rule: Rule, known: Mapping[str, Rule], place: str) -> None:
    """Refuse a rule that cannot be meant, for its first fault.

    Raises:
        RuleRefused: It has one.
    """
    for fault in faults(rule, known):
        raise RuleRefused(f"{place}: {rule.rule}: {spelled(fault.path)}", fault.found, fault.expected)


def source_of_series(rules: Sequence[Rule], file: Path, given: SeriesChannel, ways: Ways | None = None) -> Source:
    """Return a CSV file as a source: each of its columns stands for a channel that the rules watch.

    Args:
        rules: What is tried.
        file: The series.
        given: What its columns are; what a rule selects by is taken from the first rule where it says nothing of it.
        ways: Whom to tell.
    """
    series: SeriesSet = read_series(file, {}, _standing_for(given, rules[0].select))
    numbered = [BoundRule(number, 1, 1, rule) for number, rule in enumerate(rules, start=1)]
    slugs = [rule.rule for rule in rules]
    return Source(numbered, slugs, series.catalogue, series, ways or Ways(), series.arrivals())


async def source_of_database(pool: Pool, organisation: str | None, named: str) -> Source:
    """Return a database as a source.

    Args:
        pool: An open pool.
        organisation: Its slug; None = the only one.
        named: A rule's slug, a file of rules, or `shipped:NAME`.

    Raises:
        RuleRefused: No rule is called so.
        NameUnknown: No organisation is called so.
    """
    async with borrowed(pool) as connection:
        org_id = await alert_rules.organisation(connection, organisation)
        stored = [each for each in bound(await alert_catalogue.rules(connection))[0] if each.org_id == org_id]
        asked = _asked(named, stored, org_id)
        channels = catalogue(await alert_catalogue.channels(connection), await alert_catalogue.names(connection))
        routes = await notify_documents.routes(connection, org_id)
        ways_out = await notify_documents.channels(connection, org_id)
    known = {each.rule.rule: each for each in stored} | {each.rule.rule: each for each in asked}
    rules = _with_inhibitors(asked, known)
    narrowed = narrow(channels, rules)
    ways = Ways(
        [
            BoundRoute(number, org_id, msgspec.convert(each.document, Route))
            for number, each in enumerate(routes, start=1)
        ],
        {(org_id, each.slug): each.channel_id for each in ways_out},
    )
    return Source(rules, [each.rule.rule for each in asked], narrowed, DatabaseHistory(pool, narrowed), ways)


def ways_from(file: Path) -> Ways:
    """Return the routes and channels of a file, for trials without a database."""
    found = Document.read(file).convert(NotifyFile)
    return Ways(
        [BoundRoute(number, 1, route) for number, route in enumerate(found.routes, start=1)],
        {(1, each.channel): number for number, each in enumerate(found.channels, start=1)},
    )


def narrow(whole: Catalogue, rules: Sequence[BoundRule]) -> Catalogue:
    """Return the channels that rules watch, and those beside them that what they derive or compare may need."""
    table = Table(whole)
    kept = {int(row) for each in rules for row in matched(each.rule.select, table, org_id=each.org_id)}
    near = {_around(whole.channels[row]) for row in kept}
    return Catalogue([each for each in whole.channels if _around(each) in near], whole.names)


def _around(channel: ChannelFacts) -> tuple[str, int]:
    if channel.place_id is not None:
        return "place", channel.place_id
    return "device", channel.device_id


def _asked(named: str, stored: Sequence[BoundRule], org_id: int) -> list[BoundRule]:
    found = [each for each in stored if each.rule.rule == named]
    if found:
        return found
    if not named.startswith(SHIPPED) and not Path(named).exists():
        slugs = [each.rule.rule for each in stored]
        raise RuleRefused("rule", repr(named), f"{one_of(slugs, named)}, a file, or {SHIPPED}NAME")
    # Numbers below those of the database: they meet none of its rules.
    return [BoundRule(-number, 1, org_id, rule) for number, rule in enumerate(rules_from(named), start=1)]


def _with_inhibitors(asked: Sequence[BoundRule], known: Mapping[str, BoundRule]) -> list[BoundRule]:
    found = {each.rule.rule: each for each in asked}
    waiting = list(asked)
    while waiting:
        for slug in waiting.pop().rule.inhibited_by:
            if slug in known and slug not in found:
                found[slug] = known[slug]
                waiting.append(known[slug])
    return list(found.values())


def _standing_for(given: SeriesChannel, select: Selector) -> SeriesChannel:
    def first(names: Sequence[str]) -> str | None:
        return names[0].replace("*", "") if names else None

    return msgspec.structs.replace(
        given,
        site=first(select.sites) or given.site,
        node=first(select.nodes) or given.node,
        place=given.place or first(select.places) or "place",
        place_kind=given.place_kind or first(select.place_kinds),
        spot=given.spot or first(select.spots),
        level=given.level if given.level is not None else (1 if select.covered else None),
        tags={**select.tags, **given.tags},
    )
