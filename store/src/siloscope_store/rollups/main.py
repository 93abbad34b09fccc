"""`siloscope db rollups`: hold roll-ups against their samples."""

import argparse
import asyncio
from datetime import UTC, datetime

from siloscope_process.errors import Stop
from siloscope_store import schema
from siloscope_store.connections import connect_async
from siloscope_store.orders import Actions, Order, action
from siloscope_store.rollups import checking, repairing
from siloscope_store.rollups.groups import site_named

_MOST_SHOWN = 20
_DIFFERENT = 1
_APPLICATION = "siloscope db rollups"


def configure(actions: Actions) -> None:
    """Add the actions."""
    check = action(actions, "check", _check, "compute every hour and day again from samples, and say what differs")
    check.add_argument("--repair", action="store_true", help="have `siloscope jobs` compute again what differs")
    check.add_argument("--from", dest="begins", type=_time, metavar="TIME", help="ISO 8601 with an offset")
    check.add_argument("--to", dest="ends", type=_time, metavar="TIME", help="not included")
    check.add_argument("--site", metavar="ORGANISATION/SITE", help="of one site only")


def _check(order: Order) -> None:
    with order.connect() as connection:
        schema.require_current(connection)
    asyncio.run(_checked(order))


async def _checked(order: Order) -> None:
    arguments = order.arguments
    buckets = differing = 0
    async with await connect_async(order.url, application_name=_APPLICATION, autocommit=True) as connection:
        site_id = None if arguments.site is None else await site_named(connection, arguments.site)
        async for found in checking.check(connection, arguments.begins, arguments.ends, site_id):
            buckets += found.buckets
            for each in found.differences[: max(0, _MOST_SHOWN - differing)]:
                print(f"{each.level} of group {each.group_id} at {each.bucket.isoformat()}: {each.what}")
            differing += len(found.differences)
            if arguments.repair and found.differences:
                await checking.repair(connection, found.differences)
        waiting = await repairing.touched(connection)
    print(f"{buckets} buckets compared, {differing} differ; {waiting} hours wait for `siloscope jobs`")
    if differing and not arguments.repair:
        raise Stop(f"{differing} roll-ups differ from their samples; --repair has them computed again", _DIFFERENT)


def _time(text: str) -> datetime:
    try:
        at: datetime | None = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not ISO 8601 with an offset, such as 2026-01-31T06:00:00Z")
    return at.astimezone(UTC)
