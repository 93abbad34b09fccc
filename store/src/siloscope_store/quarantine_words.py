"""`siloscope db quarantine`: look through refused messages, take them out, have them tried again, let them go."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

from siloscope_process.errors import WrongSetting
from siloscope_store import audit, shelf
from siloscope_store.connections import Connected, connect_async
from siloscope_store.errors import NameUnknown
from siloscope_store.orders import ACTOR, APPLICATION, Actions, Order, action
from siloscope_store.shelf import Shelved, Wanted

_Result = TypeVar("_Result")


def configure(actions: Actions) -> None:
    """Add the words."""
    listed = action(actions, "list", _list, "list refused messages, newest first")
    listed.add_argument("--limit", type=int, default=100, metavar="N")
    show = action(actions, "show", _show, "show one message, and its payload as text or hexadecimal")
    show.add_argument("id", type=int)
    export = action(actions, "export", _export, "write messages as JSON lines, payloads in base64")
    export.add_argument("--to", type=Path, metavar="FILE", help="instead of standard output")
    replay = action(actions, "replay", _replay, "have ingest try messages again, as if they came when they first did")
    discard = action(actions, "discard", _discard, "delete messages for good")
    for parser in (listed, export, replay, discard):
        parser.add_argument("--organisation", metavar="SLUG", help="only of this one")
        parser.add_argument("--reason", metavar="SLUG", help="only those refused for this")
    for parser in (replay, discard):
        parser.add_argument("ids", nargs="*", type=int, metavar="ID")
        parser.add_argument("--all", action="store_true", help="not only the named ones")


def _list(order: Order) -> None:
    async def work(connection: Connected) -> None:
        organisation = order.arguments.organisation
        for each in await shelf.page(connection, organisation, _wanted(order), limit=order.arguments.limit):
            print(_summary(each))
        for flood in await shelf.withheld(connection, organisation):
            where = flood.node or "unknown senders"
            print(f"only counted: {flood.messages} messages of {where}, {flood.reason}, {flood.hour:%Y-%m-%d %H}h")

    _run(order, work)


def _show(order: Order) -> None:
    async def work(connection: Connected) -> None:
        found = await shelf.one(connection, None, order.arguments.id)
        if found is None:
            raise NameUnknown("message in quarantine", str(order.arguments.id))
        print(_summary(found.message))
        print(_shown(found.message.detail))
        try:
            print(_shown(found.payload.decode("utf-8")))
        except UnicodeDecodeError:
            print(found.payload.hex(" "))

    _run(order, work)


def _export(order: Order) -> None:
    async def write(connection: Connected, file: BinaryIO) -> int:
        count = 0
        async for found in shelf.export(connection, order.arguments.organisation, _wanted(order)):
            file.write(shelf.line(found))
            count += 1
        return count

    async def work(connection: Connected) -> None:
        path: Path | None = order.arguments.to
        if path is None:
            await write(connection, sys.stdout.buffer)
            return
        try:
            with path.open("xb") as file:
                count = await write(connection, file)
        except OSError as error:
            raise WrongSetting(f"{path}: cannot be written: {error.strerror}") from None
        print(f"wrote {count} messages to {path}")

    _run(order, work)


def _replay(order: Order) -> None:
    _require_choice(order)
    count = _run(order, lambda connection: _change(connection, order, shelf.request_replay, "quarantine.replay"))
    print(f"{count} messages are tried again; 'siloscope db quarantine list' shows what is refused again")


def _discard(order: Order) -> None:
    _require_choice(order)
    count = _run(order, lambda connection: _change(connection, order, shelf.discard, "quarantine.discard"))
    print(f"deleted {count} messages")


async def _change(
    connection: Connected, order: Order, change: Callable[[Connected, str | None, Wanted], Awaitable[int]], deed: str
) -> int:
    organisation, wanted = order.arguments.organisation, _wanted(order)
    async with connection.transaction():
        count = await change(connection, organisation, wanted)
        detail = {"messages": count, "ids": list(wanted.ids or []), "reason": wanted.reason}
        await audit.record_of(connection, audit.Deed(ACTOR, deed, "quarantine", detail), organisation)
    return count


def _require_choice(order: Order) -> None:
    told: argparse.Namespace = order.arguments
    if not (told.ids or told.all or told.reason):
        raise WrongSetting("name the ids of messages, or a --reason, or --all")


def _wanted(order: Order) -> Wanted:
    ids = getattr(order.arguments, "ids", None) or None
    return Wanted(ids=ids, reason=order.arguments.reason)


def _summary(found: Shelved) -> str:
    number = "" if found.seq is None else f" number {found.seq}"
    state = " (to be tried again)" if found.replay_requested_at else " (tried again)" if found.replayed_at else ""
    return (
        f"{found.id}  {found.received_at:%Y-%m-%d %H:%M:%S}  {found.reason}  {_shown(found.topic)}{number}"
        f"  {found.size_bytes} bytes, seen {found.times_seen} times{state}"
    )


def _shown(text: str) -> str:
    """Return text that does nothing to a terminal, whoever wrote it."""
    return "".join(each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in text)


def _run(order: Order, work: Callable[[Connected], Awaitable[_Result]]) -> _Result:
    async def connected() -> _Result:
        async with await connect_async(order.url, application_name=APPLICATION, autocommit=True) as connection:
            return await work(connection)

    return asyncio.run(connected())
