"""Rules from the database; what cannot be meant is refused before anything is written."""

from collections.abc import Sequence

from siloscope_contract.alerts.validation import faults
from siloscope_dashboards.auth.tokens import Identity
from siloscope_dashboards.database import lent
from siloscope_dashboards.errors import Conflict
from siloscope_dashboards.rules.models import RuleChecked, RuleEntry, RuleMatches, Rules, RuleVersion, RuleVersions
from siloscope_dashboards.rules.writing import WrittenRule
from siloscope_store import alert_rules
from siloscope_store.alert_rules import StoredRule
from siloscope_store.connections import Connected, Pool
from siloscope_store.rule_messages import message_faults

_MOST_EXAMPLES = 10


class DatabaseRules:
    """Rules of one organisation at a time.

    Args:
        pool: An open pool.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def rules(self, org_id: int) -> Rules:
        async with lent(self._pool) as connection:
            return Rules(items=[_entry(each) for each in await alert_rules.current(connection, org_id)])

    async def rule(self, org_id: int, slug: str) -> RuleEntry | None:
        async with lent(self._pool) as connection:
            found = await alert_rules.by_slug(connection, org_id, slug)
        return None if found is None else _entry(found)

    async def versions(self, org_id: int, slug: str) -> RuleVersions | None:
        async with lent(self._pool) as connection:
            found = await alert_rules.history(connection, org_id, slug)
        items = [RuleVersion.model_validate(each, from_attributes=True) for each in found]
        return RuleVersions(items=items) if items else None

    async def check(self, org_id: int, given: WrittenRule) -> RuleChecked:
        rule = given.rule
        async with lent(self._pool) as connection:
            stored = await _judged(connection, org_id, given)
            meant = await alert_rules.meant(connection, org_id, rule)
        before = next((each for each in stored if each.slug == rule.rule), None)
        return RuleChecked(
            rule=rule.rule,
            change=alert_rules.difference(rule, before),
            matches=RuleMatches(count=len(meant), examples=sorted(meant.values())[:_MOST_EXAMPLES]),
            document=alert_rules.document_of(rule),
        )

    async def apply(self, identity: Identity, given: WrittenRule) -> RuleEntry:
        author, rule = f"user:{identity.username}", given.rule
        async with lent(self._pool) as connection, connection.transaction():
            await alert_rules.hold(connection, identity.org_id)
            await _judged(connection, identity.org_id, given)
            await alert_rules.apply(connection, identity.org_id, [rule], author=author, origin="api")
            found = await alert_rules.by_slug(connection, identity.org_id, rule.rule)
        assert found is not None
        return _entry(found)

    async def remove(self, identity: Identity, slug: str) -> bool:
        async with lent(self._pool) as connection, connection.transaction():
            await alert_rules.hold(connection, identity.org_id)
            if naming := await alert_rules.naming(connection, identity.org_id, slug):
                raise Conflict(f"rule {slug} is named by {', '.join(naming)}: change or remove these first")
            return await alert_rules.remove(connection, identity.org_id, slug, author=f"user:{identity.username}")


async def _judged(connection: Connected, org_id: int, given: WrittenRule) -> Sequence[StoredRule]:
    stored, rule = await alert_rules.current(connection, org_id), given.rule
    known = {**{each.slug: each.rule for each in stored}, rule.rule: rule}
    if found := [*faults(rule, known), *message_faults(rule)]:
        raise given.refused(found)
    return stored


def _entry(found: StoredRule) -> RuleEntry:
    said = {"name": found.document["name"], "severity": found.document["severity"]}
    kept = {name: getattr(found, name) for name in RuleEntry.model_fields if name not in said}
    return RuleEntry(**kept, **said)
