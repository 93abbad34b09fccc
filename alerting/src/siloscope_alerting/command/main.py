"""`siloscope alerts`: one table of subcommands."""

import argparse
from collections.abc import Mapping

from siloscope_alerting.command import (
    acting,
    apply,
    backtest,
    channels,
    check,
    looking,
    reference,
    rules,
    silences,
    test,
)
from siloscope_alerting.command.subcommand import Subcommand
from siloscope_process.command_line import Command

SUBCOMMANDS: tuple[Subcommand, ...] = (
    check.subcommand,
    test.subcommand,
    backtest.subcommand,
    apply.subcommand,
    rules.rules,
    rules.remove,
    looking.listed,
    looking.show,
    acting.ack,
    acting.unack,
    acting.assign,
    acting.comment,
    acting.snooze,
    acting.unsnooze,
    silences.silence,
    silences.silences,
    silences.end,
    channels.channels,
    channels.test_alarm,
    reference.subcommand,
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for each in SUBCOMMANDS:
        own = actions.add_parser(each.name, help=each.summary, description=each.summary)
        each.configure(own)
        own.set_defaults(subcommand=each)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the chosen subcommand."""
    chosen: Subcommand = arguments.subcommand
    return chosen.run(arguments, environ)


command = Command("rules, alerts, silences and notifications from the command line", configure, run)
