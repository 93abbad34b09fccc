"""`siloscope alerts apply FILE…`: make the rules of files, or shipped ones, those of an organisation."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from siloscope_alerting.command import session
from siloscope_alerting.command.rule_files import RuleDocument, judged
from siloscope_alerting.command.session import carried_out
from siloscope_alerting.command.subcommand import Subcommand
from siloscope_alerting.errors import RuleRefused
from siloscope_alerting.rulesets.shipped import document
from siloscope_process.errors import WrongSetting
from siloscope_store import alert_rules
from siloscope_store.alert_rules import Applied
from siloscope_store.connections import Connected


def configure(parser: argparse.ArgumentParser) -> None:
    """Take files, names of shipped sets, and whose rules."""
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--shipped", action="append", default=[], metavar="SET", help="a rule set that comes along")
    session.about(parser)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Apply all of them or none; what is not among them stays as it is."""
    if not arguments.files and not arguments.shipped:
        raise WrongSetting("name files of rules, or --shipped sets")
    own = [RuleDocument.read(file) for file in arguments.files]
    try:
        shipped = [RuleDocument(document(name)) for name in arguments.shipped]
    except RuleRefused as error:
        raise WrongSetting(str(error)) from None

    async def work(connection: Connected, org_id: int) -> list[Applied]:
        async with connection.transaction():
            await alert_rules.hold(connection, org_id)
            known = {each.slug: each.rule for each in await alert_rules.current(connection, org_id)}
            judged([*own, *shipped], known)
            told = {"author": session.ACTOR}
            files = [rule for each in own for rule in each.rules]
            sets = [rule for each in shipped for rule in each.rules]
            return [
                *await alert_rules.apply(connection, org_id, files, origin="file", **told),
                *await alert_rules.apply(connection, org_id, sets, origin="shipped", **told),
            ]

    for each in carried_out(arguments, environ, work):
        sys.stdout.write(f"{each.slug}: {each.difference}, version {each.version}\n")
    return 0


subcommand = Subcommand("apply", "make the rules of files, or shipped ones, those of an organisation", configure, run)
