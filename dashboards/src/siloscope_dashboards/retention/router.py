"""How long what is kept: GET /retention, /retention/plan, /retention/history; PUT /retention/archive and a policy."""

from typing import Annotated

from fastapi import APIRouter, Query

from siloscope_dashboards.auth.guard import Administrator
from siloscope_dashboards.errors import Fault, Malformed
from siloscope_dashboards.pages import QueryCursor
from siloscope_dashboards.problems import documented
from siloscope_dashboards.retention.models import (
    ArchiveSwitch,
    Keep,
    Level,
    Losses,
    NewPolicy,
    Plan,
    Policies,
    Policy,
    RetentionClass,
)
from siloscope_dashboards.wiring import RetentionPort

MOST_ROWS, DEFAULT_ROWS = 500, 100
router = APIRouter(prefix="/retention", tags=["retention"], responses=documented(401, 403))


@router.get("")
async def list_policies(login: Administrator, retention: RetentionPort) -> Policies:
    """Return how long your organisation keeps what, and whether it said so or it is the default."""
    return await retention.policies(login.identity.org_id)


@router.get("/plan")
async def show_plan(
    login: Administrator,
    retention: RetentionPort,
    retention_class: RetentionClass | None = None,
    level: Level | None = None,
    keep: Annotated[Keep | None, Query(description="As if this level were kept so long")] = None,
) -> Plan:
    """Return what would go at the next run, by site; `keep` asks what would go if a policy were another one.

    A level wants its class, and `keep` both. Nothing is changed.
    """
    if level is not None and retention_class is None:
        raise _missing("retention_class", "the class of the level")
    if keep is not None and level is None:
        raise _missing("level", "the level that would be kept so long")
    return await retention.plan(login.identity.org_id, retention_class, level, keep)


@router.get("/history")
async def list_losses(
    login: Administrator,
    retention: RetentionPort,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = DEFAULT_ROWS,
    cursor: QueryCursor = None,
) -> Losses:
    """Return what has gone, newest first."""
    return await retention.history(login.identity.org_id, limit, None if cursor is None else int(cursor))


@router.put("/archive", responses=documented(409))
async def switch_archive(switch: ArchiveSwitch, login: Administrator, retention: RetentionPort) -> Policies:
    """Say whether raw samples go only once they are in a verified file of the archive; nothing goes by this itself."""
    return await retention.switch_archive(login.identity, switch)


@router.put("/{retention_class}/{level}", responses=documented(409))
async def set_policy(
    retention_class: RetentionClass, level: Level, new: NewPolicy, login: Administrator, retention: RetentionPort
) -> Policy:
    """Set how long a level is kept; what is older goes when `siloscope jobs` comes round, never before."""
    return await retention.set_policy(login.identity, retention_class, level, new)


def _missing(name: str, expected: str) -> Malformed:
    return Malformed(f"query.{name} is missing: expected {expected}", faults=[Fault(f"query.{name}", expected)])
