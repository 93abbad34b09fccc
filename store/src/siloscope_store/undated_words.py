"""`siloscope db undated`: list samples of unbelievable times, and give them believable ones."""

import argparse
import asyncio
import re
from datetime import datetime

from siloscope_process.clock import from_ms
from siloscope_process.errors import WrongSetting
from siloscope_store import undated
from siloscope_store.connections import connect_async
from siloscope_store.errors import NameUnknown, WeeksClosed
from siloscope_store.orders import ACTOR, APPLICATION, Actions, Order, action
from siloscope_store.samples import MOST_NEW_SPANS
from siloscope_store.undated import Redated, Rule, Selection

_SHIFT = re.compile(r"([+-]?)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d{1,3})?)s)?")
_MS = (86_400_000, 3_600_000, 60_000)


def configure(actions: Actions) -> None:
    """Add the words."""
    action(actions, "list", _list, "list by node what lies here, and which shift would bring it to its arrival")
    redate = action(actions, "redate", _redate, "give a node's undated samples their times; a dry run unless --apply")
    redate.add_argument("node", metavar="ORGANISATION/SITE/NODE")
    rule = redate.add_mutually_exclusive_group(required=True)
    shift = "add this to their times: +3h, +90s; to go back, with an equals sign: --shift=-1d12h"
    rule.add_argument("--shift", metavar="+3h", type=_shift, help=shift)
    rule.add_argument("--arrival", action="store_true", help="the newest of each pack is of the time it arrived")
    rule.add_argument("--as-is", action="store_true", help="believe their times, also of weeks far from now")
    redate.add_argument("--reason", choices=["out_of_window", "far_week"], help="only those kept for this")
    redate.add_argument("--arrived-from", metavar="TIME", type=_time, help="only those that arrived at it or later")
    redate.add_argument("--arrived-to", metavar="TIME", type=_time, help="only those that arrived before it")
    open_weeks = "weeks that it may open because nothing is stored of them yet (%(default)s); a dry run says how many"
    redate.add_argument("--open-weeks", metavar="N", type=_weeks, default=MOST_NEW_SPANS, help=open_weeks)
    redate.add_argument("--apply", action="store_true", help="do it; it cannot be taken back")


def _list(order: Order) -> None:
    async def work() -> None:
        async with await connect_async(order.url, application_name=APPLICATION, autocommit=True) as connection:
            for pile in await undated.piles(connection):
                arrived = f"arrived {pile.arrived_from:%Y-%m-%d %H:%M} to {pile.arrived_to:%Y-%m-%d %H:%M}"
                print(
                    f"{pile.organisation}/{pile.site}/{pile.node}  {pile.reason}  {pile.samples} samples of "
                    f"{_instant(pile.first_ms)} to {_instant(pile.last_ms)}, {arrived}, "
                    f"in the median {pile.median_behind_ms / 1000:+.3f} s away"
                )

    asyncio.run(work())


def _redate(order: Order) -> None:
    told = order.arguments
    rule = Rule(by_arrival=True) if told.arrival else Rule(shift_ms=0 if told.as_is else told.shift)

    async def work() -> Redated:
        async with await connect_async(order.url, application_name=APPLICATION, autocommit=True) as connection:
            found = await undated.find_node(connection, *_name(told.node))
            if found is None:
                raise NameUnknown("node", told.node)
            wanted = Selection(found[1], found[0], told.reason, told.arrived_from, told.arrived_to)
            now = order.clock.now()
            if not told.apply:
                return await undated.preview(connection, wanted, rule, now=now)
            return await undated.redate(connection, wanted, rule, actor=ACTOR, now=now, open_weeks=told.open_weeks)

    try:
        done = asyncio.run(work())
    except WeeksClosed as error:
        raise WrongSetting(f"{error}; where the times are right, add --open-weeks {error.found}") from error
    span = "" if done.first is None or done.last is None else f" of {done.first.isoformat()} to {done.last.isoformat()}"
    stays = f"; {done.unbelievable} stay: of no possible time even so" if done.unbelievable else ""
    if told.apply:
        known = done.samples - done.new
        print(f"re-dated {done.samples} samples{span}: {known} were there, {done.conflicts} values differ{stays}")
    else:
        weeks = f", of {done.new_weeks} weeks that nothing is stored of yet" if done.new_weeks else ""
        more = f" --open-weeks {done.new_weeks}" if done.new_weeks > told.open_weeks else ""
        print(f"dry run: would re-date {done.samples} samples{span}{weeks}{stays}; add{more} --apply to do it")


def _name(text: str) -> tuple[str, str, str]:
    parts = text.split("/")
    if len(parts) != 3:
        raise WrongSetting(f"the node is {text!r}; expected ORGANISATION/SITE/NODE")
    return parts[0], parts[1], parts[2]


def _instant(time_ms: int) -> str:
    try:
        return from_ms(time_ms).isoformat()
    except (OverflowError, ValueError):
        return f"{time_ms} ms"


def _shift(text: str) -> int:
    match = _SHIFT.fullmatch(text.strip())
    if match is None or not any(match.groups()[1:]):
        raise ValueError
    whole = sum(int(part or 0) * unit for part, unit in zip(match.groups()[1:4], _MS, strict=True))
    shift_ms = whole + round(float(match[5] or 0) * 1000)
    return -shift_ms if match[1] == "-" else shift_ms


def _weeks(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number of weeks")
    return int(text)


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError
    return found
