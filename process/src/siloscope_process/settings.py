"""Settings: one frozen struct per service, read from `SILOSCOPE_*` variables by its `main` alone.

A field `database_url` is the variable `SILOSCOPE_DATABASE_URL`; an empty variable counts as not set. Each field is
described with `Annotated[str, Meta(description="...")]`; that text is what docs/settings.md shows.
"""

import re
import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from siloscope_process.errors import WrongSetting

PREFIX = "SILOSCOPE_"
_SECRET_WORDS = ("password", "secret", "token", "credential")
_URL_PASSWORD = re.compile(r"(?P<head>[a-z][a-z0-9+.-]*://[^:/@\s]*:)[^@\s]*@", re.IGNORECASE)
_NEAR = 0.88


class ServiceSettings(Struct, frozen=True, kw_only=True):
    """What every service can be told; a service's own settings extend this."""

    log: Annotated[
        Literal["json", "pretty", "auto"], Meta(description="Form of the log on stderr; auto = pretty on a terminal")
    ] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="Least level that is logged")
    ] = "info"
    ops_port: Annotated[
        int | None,
        Meta(
            description="Port on 127.0.0.1 of /healthz, /readyz and /metrics; unset = the service's own, or a free one"
        ),
    ] = None


class Setting(Struct, frozen=True):
    """One documented variable."""

    variable: str
    kind: str
    default: str | None
    description: str

    @property
    def required(self) -> bool:
        """Whether the service refuses to start without it."""
        return self.default is None


S = TypeVar("S", bound=Struct)


def load(settings_type: type[S], environ: Mapping[str, str], *, warn: Callable[[str], None] | None = None) -> S:
    """Read a service's settings.

    Args:
        settings_type: A frozen struct; its fields name the variables.
        environ: The process environment.
        warn: Takes a line about each variable that looks misspelt; stderr unless told.

    Raises:
        WrongSetting: A variable is missing or malformed; the message names it, what was found and what is expected.
    """
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(settings_type):
        text = environ.get(variable(field.name), "")
        if text:
            values[field.name] = _convert(field.name, text, field.type)
        elif field.required:
            raise WrongSetting(f"{variable(field.name)} is not set; expected {_expected(field.type)}")
    for line in misspelt([field.name for field in msgspec.structs.fields(settings_type)], environ):
        (warn or _to_stderr)(line)
    try:
        return settings_type(**values)
    except ValueError as error:  # raised by a __post_init__ that judges several fields together
        raise WrongSetting(str(error)) from error


def describe(settings_type: type[Struct]) -> list[Setting]:
    """Return what docs/settings.md says about a service's variables, in the order of the fields."""
    described = []
    for field in msgspec.structs.fields(settings_type):
        default = field.default if field.default is not msgspec.NODEFAULT else None
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        shown = None if field.required else "unset" if default is None else str(default)
        described.append(Setting(variable(field.name), _kind(field.type), shown, _description(field.type)))
    return described


def variable(field_name: str) -> str:
    """Return the variable of a field: `database_url` is SILOSCOPE_DATABASE_URL."""
    return PREFIX + field_name.upper()


def masked(name: str, text: str) -> str:
    """Return the value as it may be shown: nothing of a secret, no password inside a URL."""
    if any(word in name.lower() for word in _SECRET_WORDS) and not name.lower().endswith("_file"):
        return "***"
    return _URL_PASSWORD.sub(r"\g<head>***@", text)


def misspelt(field_names: list[str], environ: Mapping[str, str]) -> list[str]:
    """Return a line for each unknown `SILOSCOPE_*` variable that is nearly one of these, where that one is not set."""
    free = [variable(name) for name in field_names if variable(name) not in environ]
    known = {variable(name) for name in field_names}
    lines = []
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            near = get_close_matches(name, free, n=1, cutoff=_NEAR)
            lines += [f"{name} is not a setting here; did you mean {right}?" for right in near]
    return lines


def _convert(name: str, text: str, kind: Any) -> Any:
    lowered = text.lower()
    if bool in _alternatives(kind) and lowered in ("yes", "on", "no", "off"):
        text = "true" if lowered in ("yes", "on") else "false"
    try:
        return msgspec.convert(text, kind, strict=False, dec_hook=_decode)
    except (msgspec.ValidationError, ValueError) as error:
        reason = str(error).split(" - ")[0]
        raise WrongSetting(
            f"{variable(name)} is {masked(name, text)!r}; expected {_expected(kind)} ({reason})"
        ) from error


def _decode(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise NotImplementedError(f"a setting of type {kind} cannot be read from a variable")


def _expected(kind: Any) -> str:
    description = _description(kind)
    return f"{_kind(kind)}: {description}" if description else _kind(kind)


def _description(kind: Any) -> str:
    found = [
        meta.description for meta in getattr(kind, "__metadata__", ()) if isinstance(meta, Meta) and meta.description
    ]
    return " ".join(found)


def _alternatives(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) is Annotated:
        return _alternatives(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return tuple(part for each in get_args(kind) for part in _alternatives(each))
    return (kind,)


def _kind(kind: Any) -> str:
    names = {str: "text", int: "whole number", float: "number", bool: "true or false", Path: "path"}
    parts = []
    for each in _alternatives(kind):
        if get_origin(each) is Literal:
            parts.append(" | ".join(str(value) for value in get_args(each)))
        elif each is not NoneType:
            parts.append(names.get(each, getattr(each, "__name__", str(each))))
    return " or ".join(parts)


def _to_stderr(line: str) -> None:
    print(f"siloscope: {line}", file=sys.stderr)  # noqa: T201 - before the log is configured
