"""`siloscope alerts channels` and `siloscope alerts test-alarm CHANNEL`: who is told, and whether it arrives."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

from siloscope_alerting.command import session
from siloscope_alerting.command.session import ACTOR, carried_out
from siloscope_alerting.command.subcommand import Subcommand
from siloscope_alerting.command.tables import shown, table
from siloscope_contract.alerts.addresses import channel_faults, digest_faults, route_faults
from siloscope_contract.alerts.routes import SECRETS, Channel, NotifyFile
from siloscope_contract.alerts.validation import Problem
from siloscope_process.documents import Document, Fault
from siloscope_process.errors import WrongSetting
from siloscope_process.settings import PREFIX
from siloscope_store import notify_documents
from siloscope_store.connections import Connected
from siloscope_store.errors import NameUnknown
from siloscope_store.notify_documents import StoredChannel


def _configure_channels(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["list", "apply"])
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="of apply: channels, routes and digests")
    session.about(parser)


def _channels(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    if arguments.action == "list":
        found = carried_out(arguments, environ, notify_documents.channels)
        heads = ("channel", "kind", "to", "secrets", "last delivered", "failing since")
        sys.stdout.write(table(heads, [_row(each) for each in found]))
        return 0
    if arguments.file is None:
        raise WrongSetting("apply needs a FILE of channels, routes and digests")
    document = Document.read(arguments.file)
    wanted = document.convert(NotifyFile)

    async def work(connection: Connected, org_id: int) -> None:
        async with connection.transaction():
            await _apply(connection, org_id, document, wanted, environ)

    carried_out(arguments, environ, work)
    for what, count in (("channels", wanted.channels), ("routes", wanted.routes), ("digests", wanted.digests)):
        sys.stdout.write(f"{len(count)} {what}\n")
    return 0


async def _apply(
    connection: Connected, org_id: int, document: Document, wanted: NotifyFile, environ: Mapping[str, str]
) -> None:
    stored = {each.slug: each for each in await notify_documents.channels(connection, org_id)}
    for index, channel in enumerate(wanted.channels):
        secrets = _secrets(channel, environ)
        before = stored.get(channel.channel)
        kept = before.secrets if before is not None and before.kind == channel.kind else []
        _require(document, ("channels", index), channel_faults(channel, [*(secrets or kept)]))
        told = secrets if secrets or before is None or before.kind != channel.kind else None
        await notify_documents.put_channel(connection, org_id, channel, told, author=ACTOR)
    names = [each.slug for each in await notify_documents.channels(connection, org_id)]
    for place, route in enumerate(wanted.routes):
        _require(document, ("routes", place), route_faults(route, names))
        await notify_documents.put_route(connection, org_id, route, place=place, author=ACTOR)
    for index, digest in enumerate(wanted.digests):
        _require(document, ("digests", index), digest_faults(digest, names))
        await notify_documents.put_digest(connection, org_id, digest, author=ACTOR)


def secret_variable(channel: str, name: str) -> str:
    """Return the variable of a channel's secret.

    >>> secret_variable("farm-bot", "token")
    'SILOSCOPE_NOTIFY_FARM_BOT_TOKEN'
    """
    return f"{PREFIX}NOTIFY_{channel}_{name}".upper().replace("-", "_")


def _secrets(channel: Channel, environ: Mapping[str, str]) -> dict[str, str]:
    variables = {name: secret_variable(channel.channel, name) for name in SECRETS[channel.kind]}
    return {name: environ[variable] for name, variable in variables.items() if environ.get(variable)}


def _require(document: Document, path: tuple[str | int, ...], problems: Sequence[Problem]) -> None:
    for each in problems:
        inner = (*path, *each.path)
        expected = each.expected
        if each.path[0] == "secrets":
            where = document.data
            for step in path:
                where = where[step]
            expected = f"it in the variable {secret_variable(where['channel'], str(each.path[1]))}"
        fault = Fault(document.file, document.line(inner), "wrong", inner, each.found, expected)
        raise WrongSetting(str(fault))


def _row(each: StoredChannel) -> Sequence[object]:
    addresses = shown(", ".join(each.document["to"]))
    delivered, failing = (
        f"{at:%Y-%m-%d %H:%M:%S}" if at else "" for at in (each.last_delivered_at, each.failing_since)
    )
    return each.slug, each.kind, addresses, ", ".join(each.secrets), delivered, failing


def _configure_test(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("channel", metavar="CHANNEL")
    session.about(parser)


def _test_alarm(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    async def work(connection: Connected, org_id: int) -> UUID | None:
        return await notify_documents.send_test(connection, org_id, arguments.channel, author=ACTOR)

    sent = carried_out(arguments, environ, work)
    if sent is None:
        raise NameUnknown("channel", arguments.channel)
    sys.stdout.write(f"a test message is on its way to {arguments.channel} as {sent}\n")
    return 0


channels = Subcommand(
    "channels", "list channels, or apply a file of channels, routes and digests", _configure_channels, _channels
)
test_alarm = Subcommand("test-alarm", "send a test message the whole way", _configure_test, _test_alarm)
