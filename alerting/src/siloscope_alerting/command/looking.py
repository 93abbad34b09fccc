"""`siloscope alerts list`, `siloscope alerts show ID`: what is open, what was, and all that happened to one."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

from siloscope_alerting.command import session
from siloscope_alerting.command.session import carried_out
from siloscope_alerting.command.subcommand import Subcommand
from siloscope_alerting.command.tables import shown, table
from siloscope_contract.alerts.words import Severity, State
from siloscope_store import alert_lists
from siloscope_store.alert_lists import StoredAlert, Wanted
from siloscope_store.connections import Connected
from siloscope_store.errors import NameUnknown

_MOST = 1_000


def _configure_list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="also what is over")
    parser.add_argument("--state", choices=[each.value for each in State])
    parser.add_argument("--severity", choices=[each.value for each in Severity])
    parser.add_argument("--rule", metavar="SLUG")
    parser.add_argument("--limit", type=_limit, default=100, metavar="N")
    session.about(parser)


def _list(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    wanted = Wanted(
        state=arguments.state, severity=arguments.severity, rule=arguments.rule, open=None if arguments.all else True
    )

    async def work(connection: Connected, org_id: int) -> Sequence[StoredAlert]:
        return await alert_lists.page(connection, org_id, wanted, limit=arguments.limit)

    found = carried_out(arguments, environ, work)
    worst_first = sorted(found, key=lambda each: (-Severity(each.severity).rank, -each.alert_id))
    heads = ("id", "severity", "state", "since", "rule", "about", "site", "")
    sys.stdout.write(table(heads, [_row(each) for each in worst_first]))
    return 0


def _row(each: StoredAlert) -> Sequence[object]:
    acknowledged = f"acknowledged by {each.acknowledged_by}" if each.acknowledged_at else ""
    since = _at(each.fired_at or each.began_at)
    about = each.subject_title or ""
    return each.alert_id, each.severity, each.state, since, each.rule, about, each.site_slug or "", acknowledged


def _configure_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID")
    session.about(parser)


def _show(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    async def work(connection: Connected, org_id: int) -> str:
        found = await alert_lists.one(connection, org_id, arguments.id)
        if found is None:
            raise NameUnknown("alert", str(arguments.id))
        return await _history(connection, org_id, found)

    sys.stdout.write(carried_out(arguments, environ, work))
    return 0


async def _history(connection: Connected, org_id: int, found: StoredAlert) -> str:
    lines = [
        f"{found.alert_id}  {found.rule_name} ({found.rule}, version {found.rule_version})",
        f"{found.severity}, {found.state} ({found.reason}): {found.subject_title or found.subject_kind}",
        *([f"site {found.site_name}"] if found.site_name else []),
        *([f"assigned to {found.assigned_to}"] if found.assigned_to else []),
        *([f"snoozed until {_at(found.snoozed_until)}"] if found.snoozed_until else []),
    ]
    happened: list[tuple[datetime, str]] = []
    for step in await alert_lists.transitions(connection, found.alert_id):
        late = f" (said at {_at(step.at)})"
        happened.append((step.at, f"{_at(step.event_at)}  {step.from_state} → {step.to_state}: {step.reason}{late}"))
    for act in await alert_lists.actions(connection, found.alert_id):
        said = f": {act.body}" if act.body else ""
        happened.append((act.at, f"{_at(act.at)}  {act.kind} by {act.actor}{said}"))
    if found.incident_id is not None:
        for told in await alert_lists.messages_of(connection, org_id, found.incident_id):
            why = f" ({told.detail})" if told.detail and told.state != "delivered" else ""
            text = f"{_at(told.enqueued_at)}  message {told.kind} to {told.channel}: {told.state}{why}"
            happened.append((told.enqueued_at, text))
    return "".join(f"{shown(line)}\n" for line in [*lines, *(text for _, text in sorted(happened))])


def _at(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a number from 1 to {_MOST}")
    return int(text)


listed = Subcommand("list", "list alerts that are open, worst first", _configure_list, _list)
show = Subcommand("show", "show one alert and all that happened to it", _configure_show, _show)
