"""Puts messages in the words of their readers: a template per language, and the same two layouts for all."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any, Protocol, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog
from jinja2 import FunctionLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from siloscope_alerting.notify.messages import IncidentMessage, Message
from siloscope_alerting.notify.plurals import plural
from siloscope_alerting.notify.views import Locale, view_of
from siloscope_contract.alerts.routes import Reader
from siloscope_store.rule_messages import RuleMessageBroken, rule_words

log = structlog.get_logger(__name__)
FALL_BACK = "en"
LONGEST_TITLE = 200
_COLOURS = {"info": "#2f6f8f", "warning": "#c77700", "critical": "#8c1c10"}
_BLANKS = re.compile(r"\n\s*\n")
_LAYOUTS = ("text.j2", "html.j2")
_NO_DAY = datetime(1970, 1, 1, tzinfo=UTC)  # every time is told with its date then
_FOLDER = files("siloscope_alerting.notify").joinpath("templates")


@dataclass(frozen=True)
class Words:
    """A message in words."""

    title: str
    text: str
    html: str
    labels: Mapping[str, str]


class Language(Protocol):
    """What a language's file says beside the macros that the layouts call; a test holds each file to it."""

    decimal: str
    signs: Mapping[str, str]
    durations: Sequence[str]
    cable: str
    level: str
    deeds: Mapping[str, str]

    def title(self, m: Mapping[str, Any]) -> object:
        """Return the title of a message."""
        ...


class Renderer:
    """Renders with the languages that have a file among the templates; others are told in English."""

    def __init__(self) -> None:
        self._text = _environment(escaped=False)
        self._html = _environment(escaped=True)
        self.languages = tuple(sorted(_languages()))

    def words(
        self,
        kind: str,
        message: Message,
        reader: Reader,
        *,
        links: Mapping[str, str] | None = None,
        picture: str | None = None,
    ) -> Words:
        """Return a message in its reader's words.

        Args:
            links: By what they do.
            picture: Content id of the chart in the HTML.
        """
        language = reader.language if reader.language in self.languages else FALL_BACK
        said = cast(Language, self._text.get_template(f"{language}.j2").module)
        locale = _locale(message, reader, said)
        view = view_of(kind, message, locale)
        if isinstance(message, IncidentMessage) and kind in ("firing", "changed", "escalated", "repeated"):
            view |= _own_words(message, view, language)
        title = " ".join(str(said.title(view)).split())[:LONGEST_TITLE]
        given = {"language": f"{language}.j2", "m": view, "title": title, "links": links or {}}
        text = self._text.get_template("text.j2").render(given)
        look = {"picture": picture, "colour": _COLOURS[view["severity"]], "language_code": language}
        html = self._html.get_template("html.j2").render(given | look)
        return Words(title, _BLANKS.sub("\n\n", text.strip()) + "\n", html, said.deeds)


def _languages() -> list[str]:
    names = [path.name for path in _FOLDER.iterdir() if path.name.endswith(".j2")]
    return [name.removesuffix(".j2") for name in names if name not in _LAYOUTS]


def _environment(*, escaped: bool) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FunctionLoader(_source),
        autoescape=escaped,
        undefined=StrictUndefined,
        trim_blocks=False,
        keep_trailing_newline=True,
    )
    environment.globals["plural"] = plural
    return environment


@lru_cache(maxsize=64)
def _source(name: str) -> str | None:
    found = _FOLDER.joinpath(name)
    return found.read_text("utf-8") if found.is_file() else None


def _locale(message: Message, reader: Reader, language: Language) -> Locale:
    told = message.incident.time_zone if isinstance(message, IncidentMessage) else getattr(message, "time_zone", None)
    zone = reader.time_zone or told or "Etc/UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        zone = "Etc/UTC"
    return Locale(
        zone=zone,
        day=message.at or _NO_DAY,
        system=reader.units,
        decimal=language.decimal,
        signs=language.signs,
        durations=language.durations,
        cable=language.cable,
        level=language.level,
    )


def _own_words(message: IncidentMessage, view: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return what a rule's own message adds: its words, or a note that they could not be made."""
    templates = message.incident.templates
    source = templates.get(language) or templates.get(FALL_BACK)
    if not source or not message.incident.alerts:
        return {}
    first = view["lines"][0] if view["lines"] else {}
    values = {**first, "site": view["site"], "severity": view["severity"], "count": view["count"]}
    values["alerts"] = view["lines"]
    try:
        return {"own": rule_words(source, values)}
    except RuleMessageBroken as broken:
        log.warning("rule_message_broken", rule=message.incident.alerts[0].rule, problem=str(broken))
        return {"notes": [{"form": "broken", "detail": str(broken)}]}
