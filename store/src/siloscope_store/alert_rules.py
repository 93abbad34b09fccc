"""Rules as people write them: applied as documents, each change a new version, never a version changed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from siloscope_contract.alerts.conditions import Leaf, leaves
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.selectors import Selector
from siloscope_contract.alerts.validation import named_by
from siloscope_store import audit
from siloscope_store.connections import Connected
from siloscope_store.errors import NameMissing, NameUnknown
from siloscope_store.statements import statements

_SQL = statements("alert_rules.sql")
_NAMED = ("sites", "nodes", "devices", "channels", "places", "place_kinds", "spots", "quantities")
Origin = Literal["api", "file", "shipped"]
Difference = Literal["new", "changed", "same"]


class StoredRule(msgspec.Struct, frozen=True):
    """A rule as it counts now; `open_alerts` are those that fired and are not over."""

    rule_id: int
    slug: str
    version: int
    enabled: bool
    origin: Origin
    created_at: datetime
    changed_at: datetime
    author: str
    document: dict[str, Any]
    open_alerts: int

    @property
    def rule(self) -> Rule:
        """The document, read."""
        return msgspec.convert(self.document, Rule)


class StoredVersion(msgspec.Struct, frozen=True):
    """One version of a rule."""

    version: int
    author: str
    at: datetime
    document: dict[str, Any]


class Applied(msgspec.Struct, frozen=True):
    """What applying a rule did."""

    slug: str
    difference: Difference
    version: int


async def organisation(connection: Connected, slug: str | None) -> int:
    """Return the number of an organisation; where none is named, that of the only one.

    Raises:
        NameUnknown: There is none of that name, or several and none was named.
    """
    rows = await (await connection.execute(_SQL["organisations"])).fetchall()
    found = [org_id for org_id, each in rows if slug in (each, None)]
    if len(found) == 1:
        return int(found[0])
    if slug is None:
        raise NameMissing("organisation", [each for _, each in rows])
    raise NameUnknown("organisation", slug)


async def current(connection: Connected, org_id: int) -> list[StoredRule]:
    """Return the rules of an organisation, by slug."""
    return await _current(connection, org_id, None)


async def by_slug(connection: Connected, org_id: int, slug: str) -> StoredRule | None:
    """Return one rule; None where it does not exist, or was removed."""
    return next(iter(await _current(connection, org_id, slug)), None)


async def history(connection: Connected, org_id: int, slug: str) -> list[StoredVersion]:
    """Return a rule's versions, newest first, also those of a removed one; nothing where there never was one."""
    async with connection.cursor(row_factory=class_row(StoredVersion)) as rows:
        await rows.execute(_SQL["versions"], {"org_id": org_id, "slug": slug})
        return await rows.fetchall()


async def hold(connection: Connected, org_id: int) -> None:
    """Keep others from changing this organisation's rules until the caller's transaction ends."""
    await connection.execute(_SQL["hold"], {"org_id": org_id})


async def apply(
    connection: Connected, org_id: int, rules: Sequence[Rule], *, author: str, origin: Origin
) -> list[Applied]:
    """Make these the rules of their names: a new version of each that differs, all or none.

    What the rules say is judged by the caller, with `siloscope_contract.alerts.validation`; what is not among them
    stays as it is.
    """
    async with connection.transaction():
        await hold(connection, org_id)
        stored = {each.slug: each for each in await current(connection, org_id)}
        return [await _apply(connection, org_id, each, stored.get(each.rule), author, origin) for each in rules]


async def naming(connection: Connected, org_id: int, slug: str) -> list[str]:
    """Return the slugs of the rules that need a rule: it cannot be removed before them."""
    return [each.slug for each in await current(connection, org_id) if slug in named_by(each.rule)]


async def remove(connection: Connected, org_id: int, slug: str, *, author: str) -> bool:
    """Take a rule out of use; its name, versions and alerts stay. Return whether there was one."""
    async with connection.transaction():
        removed = (await connection.execute(_SQL["remove"], {"org_id": org_id, "slug": slug})).rowcount == 1
        if removed:
            await audit.record_for(connection, audit.Deed(author, "rule.remove", slug), org_id)
        return removed


async def meant(connection: Connected, org_id: int, rule: Rule) -> dict[int, str]:
    """Return the channels that a rule watches, site/node/device/key by channel_id, by name.

    A rule about figures of the platform alone watches none.
    """
    found: dict[int, str] = {}
    wheres = {msgspec.json.encode(each.where): each.where for each in leaves(rule.condition) if isinstance(each, Leaf)}
    for where in wheres.values():
        rows = await connection.execute(_SQL["meant"], {"org_id": org_id, **_asked(rule.select, where)})
        found |= dict(await rows.fetchall())
    return found


def _asked(one: Selector, other: Selector) -> dict[str, Any]:
    def patterns(field: str) -> list[str]:
        named: list[tuple[str, ...]] = [names for each in (one, other) if (names := getattr(each, field))]
        return [f"^({'|'.join(names)})$".replace("*", ".*") for names in named]

    return {
        **{field: patterns(field) for field in _NAMED},
        "tags": Jsonb({**one.tags, **other.tags}),
        "covered": one.covered or other.covered,
        "vitals": one.vitals or other.vitals,
    }


async def builtin(connection: Connected, org_id: int, rule: Rule) -> tuple[int, int]:
    """Return id and version of a rule that nobody wrote; it is made where the organisation has none yet."""
    asked = {"org_id": org_id, "slug": rule.rule, "document": Jsonb(document_of(rule))}
    row = await (await connection.execute(_SQL["builtin"], asked)).fetchone()
    assert row is not None
    return row[0], row[1]


def difference(rule: Rule, stored: StoredRule | None) -> Difference:
    """Return what applying a rule would do."""
    if stored is None:
        return "new"
    return "same" if stored.document == document_of(rule) else "changed"


def document_of(document: msgspec.Struct) -> dict[str, Any]:
    """Return a document as it is stored and answered: plain JSON, defaults filled in."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return plain


async def _apply(
    connection: Connected, org_id: int, rule: Rule, stored: StoredRule | None, author: str, origin: Origin
) -> Applied:
    found = difference(rule, stored)
    if stored is not None and found == "same":
        return Applied(rule.rule, "same", stored.version)
    new = {"org_id": org_id, "slug": rule.rule, "enabled": rule.enabled, "origin": origin, "author": author}
    document = Jsonb(document_of(rule))
    row = await (await connection.execute(_SQL["put"], {**new, "document": document})).fetchone()
    assert row is not None
    deed = audit.Deed(author, "rule.apply", rule.rule, {"version": row[0], "origin": origin})
    await audit.record_for(connection, deed, org_id)
    return Applied(rule.rule, found, row[0])


async def _current(connection: Connected, org_id: int, slug: str | None) -> list[StoredRule]:
    async with connection.cursor(row_factory=class_row(StoredRule)) as rows:
        await rows.execute(_SQL["current"], {"org_id": org_id, "slug": slug})
        return await rows.fetchall()
