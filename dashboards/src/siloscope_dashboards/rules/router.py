"""GET /rules, /rules/{slug}, its /yaml and /versions; PUT and DELETE /rules/{slug}; POST /rules/check."""

from typing import Annotated, Any

from fastapi import APIRouter, Body

from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.validation import Problem
from siloscope_dashboards.auth.guard import Administrator, LoggedIn
from siloscope_dashboards.documents import body_of
from siloscope_dashboards.errors import NotFound
from siloscope_dashboards.pages import PathSlug
from siloscope_dashboards.problems import documented
from siloscope_dashboards.rules.models import RuleChecked, RuleEntry, RuleRemoved, Rules, RuleText, RuleVersions
from siloscope_dashboards.rules.writing import WrittenRule, written
from siloscope_dashboards.wiring import RulesPort

router = APIRouter(tags=["rules"], responses=documented(401))
_Document = Annotated[dict[str, Any], Body()]


@router.get("/rules")
async def list_rules(login: LoggedIn, rules: RulesPort) -> Rules:
    """Return the rules of your organisation."""
    return await rules.rules(login.identity.org_id)


@router.post("/rules/check", responses=documented(403), openapi_extra=body_of(Rule))
async def check_rule(document: _Document, login: Administrator, rules: RulesPort) -> RuleChecked:
    """Judge a rule as if it were applied, and change nothing; `{"yaml": "…"}` is a rule as people write it."""
    return await rules.check(login.identity.org_id, WrittenRule(document))


@router.get("/rules/{slug}", responses=documented(404))
async def show_rule(slug: PathSlug, login: LoggedIn, rules: RulesPort) -> RuleEntry:
    """Return one rule as it counts now."""
    found = await rules.rule(login.identity.org_id, slug)
    if found is None:
        raise NotFound("rule", slug)
    return found


@router.get("/rules/{slug}/yaml", responses=documented(404))
async def show_rule_text(slug: PathSlug, login: LoggedIn, rules: RulesPort) -> RuleText:
    """Return one rule as people write it."""
    found = await rules.rule(login.identity.org_id, slug)
    if found is None:
        raise NotFound("rule", slug)
    return RuleText(slug=slug, version=found.version, yaml=written(found.document))


@router.get("/rules/{slug}/versions", responses=documented(404))
async def list_versions(slug: PathSlug, login: LoggedIn, rules: RulesPort) -> RuleVersions:
    """Return every version of a rule, newest first, also of one that was removed."""
    found = await rules.versions(login.identity.org_id, slug)
    if found is None:
        raise NotFound("rule", slug)
    return found


@router.put("/rules/{slug}", responses=documented(403), openapi_extra=body_of(Rule))
async def apply_rule(slug: PathSlug, document: _Document, login: Administrator, rules: RulesPort) -> RuleEntry:
    """Make this the rule of that name; a document that differs is a new version. It may be `{"yaml": "…"}`."""
    given = WrittenRule(document)
    if given.rule.rule != slug:
        raise given.refused([Problem(("rule",), repr(given.rule.rule), f"{slug!r}, as in the path")])
    return await rules.apply(login.identity, given)


@router.delete("/rules/{slug}", responses=documented(403, 404, 409))
async def remove_rule(slug: PathSlug, login: Administrator, rules: RulesPort) -> RuleRemoved:
    """Take a rule out of use: its open alerts resolve, its versions and alerts stay."""
    if not await rules.remove(login.identity, slug):
        raise NotFound("rule", slug)
    return RuleRemoved(removed=slug)
