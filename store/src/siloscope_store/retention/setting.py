"""How long one organisation keeps what, for several who set it: nobody overwrites another unseen."""

from datetime import datetime

import msgspec
from psycopg.rows import class_row

from siloscope_store import audit
from siloscope_store.connections import Connected
from siloscope_store.errors import VersionChanged
from siloscope_store.retention.policies import require_settable
from siloscope_store.statements import statements

_SQL = statements("retention.sql")


class Kept(msgspec.Struct, frozen=True):
    """How long a level is kept, in days; None = for ever.

    Attributes:
        version: How often it was set; 0 = never: the default holds.
    """

    retention_class: str
    level: str
    keep_days: int | None
    default_days: int | None
    version: int
    set_at: datetime | None
    set_by: str | None


class Wish(msgspec.Struct, frozen=True):
    """How long a level is to be kept, and the version that whoever wishes it has seen."""

    retention_class: str
    level: str
    keep_days: int | None
    author: str
    expected: int


async def kept(connection: Connected, org_id: int) -> list[Kept]:
    """Return what holds for an organisation, class by class, the finest level first."""
    async with connection.cursor(row_factory=class_row(Kept)) as rows:
        await rows.execute(_SQL["kept"], {"org_id": org_id})
        return await rows.fetchall()


async def archive_required(connection: Connected, org_id: int) -> bool:
    """Return whether raw samples of an organisation go only once they are in a verified file."""
    row = await (await connection.execute(_SQL["archive_required_by"], {"org_id": org_id})).fetchone()
    assert row is not None
    return bool(row[0])


async def require_archive(connection: Connected, org_id: int, *, required: bool, expected: bool, author: str) -> bool:
    """Say whether raw samples may go only into a verified file, and add a line to the audit trail.

    Returns:
        False where it was not as its author saw it: then nothing is changed.
    """
    async with connection.transaction():
        await connection.execute(_SQL["hold"], {"org": None, "org_id": org_id})
        if await archive_required(connection, org_id) is not expected:
            return False
        await connection.execute(_SQL["set_archive_required"], {"org_id": org_id, "required": required})
        deed = audit.Deed(author, "retention.archive", "required" if required else "off")
        await audit.record_for(connection, deed, org_id)
    return True


async def set_kept(connection: Connected, org_id: int, wish: Wish) -> Kept:
    """Set how long a level is kept, and add a line to the audit trail; nothing goes before retention's next run.

    Raises:
        RetentionWrong: It cannot be kept so long.
        VersionChanged: Somebody else set it since its author looked.
    """
    of_level = (wish.retention_class, wish.level)
    async with connection.transaction():
        await connection.execute(_SQL["hold"], {"org": None, "org_id": org_id})
        before = {(each.retention_class, each.level): each for each in await kept(connection, org_id)}
        require_settable({name: each.keep_days for name, each in before.items()}, *of_level, wish.keep_days)
        if before[of_level].version != wish.expected:
            raise VersionChanged(wish.expected, before[of_level].version)
        await connection.execute(_SQL["set_policy"], {**msgspec.structs.asdict(wish), "org_id": org_id})
        detail = {"class": wish.retention_class, "level": wish.level, "keep_days": wish.keep_days}
        await audit.record_for(connection, audit.Deed(wish.author, "retention.set", "/".join(of_level), detail), org_id)
        after = await kept(connection, org_id)
    return next(each for each in after if (each.retention_class, each.level) == of_level)
