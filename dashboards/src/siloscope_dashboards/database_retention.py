"""Retention from the database: what is set here, `siloscope jobs` carries out."""

import asyncio

from siloscope_dashboards.auth.tokens import Identity
from siloscope_dashboards.database import lent
from siloscope_dashboards.errors import Conflict, Fault, Malformed, NotFound, TooSlow
from siloscope_dashboards.retention.models import (
    ArchiveSwitch,
    Going,
    Loss,
    Losses,
    NewPolicy,
    Plan,
    Policies,
    Policy,
)
from siloscope_process.clock import Clock
from siloscope_store.connections import Pool
from siloscope_store.errors import RetentionWrong, VersionChanged
from siloscope_store.retention import preview, record, setting
from siloscope_store.retention.policies import LEVELS, read_duration, written_duration

LONGEST_PLAN_S = 12.0
"""Of all levels together; each statement has a bound of its own. Less than a loan, which blames the database."""


class DatabaseRetention:
    """How long what is kept, of one organisation at a time.

    Args:
        pool: An open pool.
        clock: Says what is old.
    """

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def policies(self, org_id: int) -> Policies:
        async with lent(self._pool) as connection:
            found = await setting.kept(connection, org_id)
            required = await setting.archive_required(connection, org_id)
            run = await record.last_run(connection)
        return Policies(
            items=[_policy(each) for each in found],
            archive_required=required,
            archiving=None if run is None else run.archiving,
            last_run_at=None if run is None else run.ran_at,
        )

    async def switch_archive(self, identity: Identity, switch: ArchiveSwitch) -> Policies:
        author = f"user:{identity.username}"
        async with lent(self._pool) as connection:
            done = await setting.require_archive(
                connection, identity.org_id, required=switch.required, expected=switch.expected, author=author
            )
        if not done:
            now = "off" if switch.expected else "required"
            raise Conflict(f"the archive is {now} by now: somebody else switched it meanwhile")
        return await self.policies(identity.org_id)

    async def set_policy(self, identity: Identity, retention_class: str, level: str, new: NewPolicy) -> Policy:
        if level not in LEVELS[retention_class]:
            raise NotFound("policy", f"{retention_class}/{level}")
        days = _days(new.keep, "body.keep")
        wish = setting.Wish(retention_class, level, days, f"user:{identity.username}", new.expected_version)
        async with lent(self._pool) as connection:
            try:
                return _policy(await setting.set_kept(connection, identity.org_id, wish))
            except VersionChanged as error:
                raise Conflict(str(error)) from error
            except RetentionWrong as error:
                raise _refused("body.keep", error) from error

    async def plan(self, org_id: int, retention_class: str | None, level: str | None, keep: str | None) -> Plan:
        days = None if keep is None else _days(keep, "query.keep")
        if retention_class is not None and level is not None and level not in LEVELS[retention_class]:
            there = ", ".join(LEVELS[retention_class])
            faults = [Fault("query.level", f"one of {there}, found {level!r}")]
            raise Malformed(f"query.level: {retention_class} have {there}, not {level}", faults=faults)
        wanted = preview.Wanted(retention_class, level, wishes=keep is not None, keep_days=days)
        at = self._clock.now()
        try:
            async with asyncio.timeout(LONGEST_PLAN_S), lent(self._pool) as connection:
                found = await preview.going(connection, org_id, wanted, at=at)
        except RetentionWrong as error:
            raise _refused("query.keep", error) from error
        except TimeoutError as error:
            raise TooSlow(f"the plan takes longer than {LONGEST_PLAN_S:g} s; ask for one class or level") from error
        return Plan(at=at, items=[Going.model_validate(each, from_attributes=True) for each in found])

    async def history(self, org_id: int, limit: int, below: int | None) -> Losses:
        async with lent(self._pool) as connection:
            found = await record.losses(connection, org_id, limit=limit + 1, below=below)
        cursor = str(found[limit - 1].loss_id) if len(found) > limit else None
        return Losses(items=[_loss(each) for each in found[:limit]], next_cursor=cursor)


def _days(keep: str, place: str) -> int | None:
    try:
        return read_duration(keep)
    except RetentionWrong as error:
        raise _refused(place, error) from error


def _refused(place: str, error: RetentionWrong) -> Malformed:
    return Malformed(f"{place}: {error.message}", faults=[Fault(place, error.message)])


def _policy(found: setting.Kept) -> Policy:
    known = {name: getattr(found, name) for name in found.__struct_fields__}
    written = {"keep": written_duration(found.keep_days), "default_keep": written_duration(found.default_days)}
    return Policy.model_validate({**known, **written, "source": "set" if found.version else "default"})


def _loss(found: record.Loss) -> Loss:
    known = {name: getattr(found, name) for name in found.__struct_fields__}
    site = None if found.site_id is None else {"id": found.site_id, "slug": found.site, "name": found.site_name}
    shown = {"id": found.loss_id, "first": found.first_time, "last": found.last_time}
    return Loss.model_validate({**known, **shown, "site": site})
