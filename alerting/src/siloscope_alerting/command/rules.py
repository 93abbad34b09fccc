"""`siloscope alerts rules [SLUG]`, `siloscope alerts remove SLUG`: look at rules, take one out of use."""

import argparse
import sys
from collections.abc import Mapping, Sequence

import msgspec

from siloscope_alerting.command import session
from siloscope_alerting.command.session import carried_out
from siloscope_alerting.command.subcommand import Subcommand
from siloscope_alerting.command.tables import table
from siloscope_process.errors import WrongSetting
from siloscope_store import alert_rules
from siloscope_store.alert_rules import StoredRule, StoredVersion
from siloscope_store.connections import Connected
from siloscope_store.errors import NameUnknown


def _configure_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slug", nargs="?", metavar="SLUG", help="only this one, with its document")
    parser.add_argument("--versions", action="store_true", help="with every version that it had")
    session.about(parser)


def _rules(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    slug: str | None = arguments.slug
    if slug is None:
        sys.stdout.write(_listed(carried_out(arguments, environ, alert_rules.current)))
        return 0

    async def work(connection: Connected, org_id: int) -> Sequence[StoredVersion]:
        return await alert_rules.history(connection, org_id, slug)

    versions = carried_out(arguments, environ, work)
    if not versions:
        raise NameUnknown("rule", slug)
    for each in versions if arguments.versions else versions[:1]:
        sys.stdout.write(f"# version {each.version}, {each.author}, {each.at:%Y-%m-%d %H:%M:%S} UTC\n")
        sys.stdout.write(msgspec.yaml.encode({"rules": [each.document]}).decode())
    return 0


def _listed(rules: Sequence[StoredRule]) -> str:
    rows = [
        (
            each.slug,
            each.version,
            each.document["severity"],
            each.origin,
            "" if each.enabled else "off",
            each.open_alerts,
        )
        for each in rules
    ]
    return table(("rule", "version", "severity", "origin", "", "open alerts"), rows)


def _configure_remove(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slug", metavar="SLUG")
    session.about(parser)


def _remove(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    slug: str = arguments.slug

    async def work(connection: Connected, org_id: int) -> bool:
        async with connection.transaction():
            await alert_rules.hold(connection, org_id)
            if naming := await alert_rules.naming(connection, org_id, slug):
                raise WrongSetting(f"rule {slug!r} is named by {', '.join(naming)}: change or remove these first")
            return await alert_rules.remove(connection, org_id, slug, author=session.ACTOR)

    if not carried_out(arguments, environ, work):
        raise NameUnknown("rule", slug)
    sys.stdout.write(f"{slug}: removed; its open alerts resolve, its versions and alerts stay\n")
    return 0


rules = Subcommand("rules", "list rules, or show one and its versions", _configure_rules, _rules)
remove = Subcommand("remove", "take a rule out of use", _configure_remove, _remove)
