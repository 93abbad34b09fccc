"""`siloscope alerts silence|silences|end`: have alerts told to nobody for a while, or maintenance open none at all."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta

import msgspec

from siloscope_alerting.command import session
from siloscope_alerting.command.session import ACTOR, carried_out
from siloscope_alerting.command.spans import span
from siloscope_alerting.command.subcommand import Subcommand
from siloscope_alerting.command.tables import shown, table
from siloscope_contract.alerts.selectors import Matcher, Selector
from siloscope_contract.alerts.words import Severity
from siloscope_contract.names import is_slug
from siloscope_process.clock import SystemClock
from siloscope_store import alert_silences
from siloscope_store.alert_silences import SilenceOrder, StoredSilence
from siloscope_store.connections import Connected
from siloscope_store.errors import NameUnknown

_OF_SELECTOR = ("site", "node", "device", "channel", "place")


def _configure_silence(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("span", type=span, metavar="SPAN", help="how long, such as 2h")
    parser.add_argument("--maintenance", action="store_true", help="what begins within it opens no alert either")
    parser.add_argument("--rule", action="append", default=[], type=_name, metavar="SLUG")
    parser.add_argument("--severity", action="append", default=[], choices=[each.value for each in Severity])
    for each in _OF_SELECTOR:
        parser.add_argument(f"--{each}", action="append", default=[], type=_name, metavar="SLUG")
    parser.add_argument("--everything", action="store_true", help="where nothing narrows it")
    parser.add_argument("--comment", default="", metavar="TEXT")
    session.about(parser)


def _silence(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    selector = msgspec.convert({f"{each}s": getattr(arguments, each) for each in _OF_SELECTOR}, Selector)
    severities = tuple(Severity(each) for each in arguments.severity)
    matcher = Matcher(rules=tuple(arguments.rule), severities=severities, select=selector)
    if matcher == Matcher() and not arguments.everything:
        raise NameUnknown("selector", "nothing; narrow it, or say --everything")
    order = SilenceOrder(
        kind="maintenance" if arguments.maintenance else "silence",
        matcher=matcher,
        ends=SystemClock().now() + timedelta(seconds=arguments.span),
        author=ACTOR,
        comment=arguments.comment,
    )

    async def work(connection: Connected, org_id: int) -> StoredSilence:
        return await alert_silences.add(connection, org_id, order)

    added = carried_out(arguments, environ, work)
    sys.stdout.write(f"{added.kind} {added.silence_id} until {added.ends:%Y-%m-%d %H:%M:%S} UTC\n")
    return 0


def _configure_silences(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="also what is over")
    session.about(parser)


def _silences(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    async def work(connection: Connected, org_id: int) -> Sequence[StoredSilence]:
        return await alert_silences.page(connection, org_id, limit=1_000, active=None if arguments.all else True)

    rows = [
        (each.silence_id, each.kind, each.state, f"{each.ends:%Y-%m-%d %H:%M}", each.author, shown(_meant(each)))
        for each in carried_out(arguments, environ, work)
    ]
    sys.stdout.write(table(("id", "kind", "state", "ends", "author", "about"), rows))
    return 0


def _configure_end(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", type=int, metavar="ID")
    session.about(parser)


def _end(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    async def work(connection: Connected, org_id: int) -> StoredSilence | None:
        return await alert_silences.end(connection, org_id, arguments.id, by=ACTOR)

    ended = carried_out(arguments, environ, work)
    if ended is None:
        raise NameUnknown("silence", str(arguments.id))
    sys.stdout.write(f"{ended.kind} {ended.silence_id} has ended; what fires still is told now\n")
    return 0


def _meant(silence: StoredSilence) -> str:
    """Return a matcher in a few words: what is empty means any, and is not said."""
    parts = {name: value for name, value in silence.selector.items() if value and name != "select"}
    parts |= {name: value for name, value in silence.selector.get("select", {}).items() if value}
    words = [f"{name} {','.join(value) if isinstance(value, list) else value}" for name, value in parts.items()]
    return "; ".join([*words, *([silence.comment] if silence.comment else [])]) or "everything"


def _name(text: str) -> str:
    if not is_slug(text.replace("*", "x")):
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a slug; * stands for anything")
    return text


silence = Subcommand(
    "silence", "have alerts told to nobody for a while, or open none at all", _configure_silence, _silence
)
silences = Subcommand("silences", "list silences and maintenance windows", _configure_silences, _silences)
end = Subcommand("end-silence", "end one before its time", _configure_end, _end)
