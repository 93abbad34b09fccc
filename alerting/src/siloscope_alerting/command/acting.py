"""`siloscope alerts ack|unack|assign|comment|snooze|unsnooze`: do something about alerts."""

import argparse
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from siloscope_alerting.command import session
from siloscope_alerting.command.session import ACTOR, carried_out
from siloscope_alerting.command.spans import span
from siloscope_alerting.command.subcommand import Subcommand
from siloscope_process.clock import SystemClock
from siloscope_process.errors import WrongSetting
from siloscope_store import alert_actions
from siloscope_store.alert_actions import Act, ActKind
from siloscope_store.connections import Connected

_MadeOf = Callable[[argparse.Namespace], Act]


def _subcommand(
    name: str, summary: str, made_of: _MadeOf, extra: Callable[[argparse.ArgumentParser], None] | None = None
) -> Subcommand:
    def configure(parser: argparse.ArgumentParser) -> None:
        if extra is not None:
            extra(parser)
        parser.add_argument("ids", nargs="+", type=int, metavar="ID")
        session.about(parser)

    def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
        return _acted(arguments, environ, made_of(arguments))

    return Subcommand(name, summary, configure, run)


def _acted(arguments: argparse.Namespace, environ: Mapping[str, str], act: Act) -> int:
    async def work(connection: Connected, org_id: int) -> list[int]:
        return await alert_actions.act(connection, org_id, arguments.ids, act)

    changed = set(carried_out(arguments, environ, work))
    for number in arguments.ids:
        sys.stdout.write(
            f"{number}: {act.kind if number in changed else 'nothing to do: over, done before, or unknown'}\n"
        )
    if not changed:
        raise WrongSetting("no alert was changed")
    return 0


def _plain(kind: ActKind) -> _MadeOf:
    return lambda arguments: Act(kind, ACTOR, "command", getattr(arguments, "comment", None) or "")


def _snoozed(arguments: argparse.Namespace) -> Act:
    until: datetime = SystemClock().now() + timedelta(seconds=arguments.span)
    return Act("snooze", ACTOR, "command", arguments.comment or "", until)


def _with_remark(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--comment", metavar="TEXT", help="why")


def _with_comment(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("comment", metavar="TEXT")


def _with_person(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("to", metavar="PERSON", help="'' = nobody's again")


def _with_span(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("span", type=span, metavar="SPAN", help="such as 90m, 8h, 3d")
    _with_remark(parser)


ack = _subcommand("ack", "say that somebody knows", _plain("acknowledge"), _with_remark)
unack = _subcommand("unack", "take that back", _plain("unacknowledge"), _with_remark)
assign = _subcommand(
    "assign", "say whose it is", lambda arguments: Act("assign", ACTOR, "command", arguments.to), _with_person
)
comment = _subcommand("comment", "add to an alert's history", _plain("comment"), _with_comment)
snooze = _subcommand("snooze", "tell nobody of an alert for a while", _snoozed, _with_span)
unsnooze = _subcommand("unsnooze", "tell again", _plain("unsnooze"), _with_remark)
