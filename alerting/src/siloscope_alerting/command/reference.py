"""`siloscope alerts docs`: what rules, routes and channels may say, as a page made of the code that reads them."""

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import msgspec
from msgspec import Struct
from msgspec import inspect as described

from siloscope_alerting.command.subcommand import Subcommand
from siloscope_contract.alerts import words
from siloscope_contract.alerts.conditions import Condition, Leaf
from siloscope_contract.alerts.routes import SECRETS, Channel, Digest, NotifyFile, Reader, Route, Step
from siloscope_contract.alerts.rules import Flapping, Hours, Rule, RuleFile
from siloscope_contract.alerts.selectors import Matcher, Selector
from siloscope_process.errors import WrongSetting

_HEAD = """# Rules, routes and channels: every field

Made of the code that reads them: `siloscope alerts docs docs/alerts/rules-reference.md` writes this page anew.
[rules.md](rules.md) explains by example. A field without a default must be given.
"""
_RULES: Sequence[type[Struct]] = (RuleFile, Rule, Selector, Hours, Flapping)
_TOLD: Sequence[type[Struct]] = (NotifyFile, Channel, Reader, Route, Step, Matcher, Digest)
_WORDS: Sequence[type[StrEnum]] = (words.Severity, words.State, words.SubjectKind, words.Reason, words.Cause)


def page() -> str:
    """Return the page."""
    kinds: list[type[Struct]] = list(get_args(Condition))
    parts = [_HEAD, "## Files of rules\n", *(_section(each) for each in _RULES)]
    parts += ["## Conditions\n", _section(Leaf, "What every kind that reads channels has")]
    parts += [_section(each, f"`kind: {each.__struct_config__.tag}`") for each in kinds]
    parts += ["## Files of channels, routes and digests\n", *(_section(each) for each in _TOLD), _secrets()]
    parts += ["## Words\n", *(_words_of(each) for each in _WORDS)]
    return "\n".join(parts)


def _section(struct: type[Struct], title: str | None = None) -> str:
    text, attributes = _docstring(struct)
    inherited = {field.name for field in msgspec.structs.fields(Leaf)} if struct is not Leaf else set()
    own = [field for field in _fields(struct) if not (issubclass(struct, Leaf) and field.encode_name in inherited)]
    rows = "".join(_row(field, attributes) for field in own)
    table = f"| field | what may stand there | unless told | meaning |\n|---|---|---|---|\n{rows}" if own else ""
    return f"### {title or struct.__name__}\n\n{text}\n\n{table}"


def _fields(struct: type[Struct]) -> Sequence[described.Field]:
    info = described.type_info(struct)
    assert isinstance(info, described.StructType)
    return info.fields


def _row(field: described.Field, attributes: Mapping[str, str]) -> str:
    cells = (f"`{field.encode_name}`", _may_stand(field.type), _default(field), attributes.get(field.encode_name, ""))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _may_stand(found: Any) -> str:
    """Return in words what a type takes."""
    if isinstance(found, described.Metadata):
        return str((found.extra_json_schema or {}).get("description") or _may_stand(found.type))
    if isinstance(found, described.UnionType):
        kinds = [each for each in found.types if not isinstance(each, described.NoneType)]
        if any(isinstance(each, described.StructType) for each in kinds):
            return "a condition"
        return ", or ".join(dict.fromkeys(_may_stand(each) for each in kinds))
    if isinstance(found, described.StructType):
        return f"a mapping: {found.cls.__name__}"
    if isinstance(found, described.LiteralType):
        return ", ".join(f"`{value}`" for value in found.values)
    if isinstance(found, described.EnumType):
        return ", ".join(f"`{each.value}`" for each in found.cls)
    if isinstance(found, described.VarTupleType):
        return f"a list of: {_may_stand(found.item_type)}"
    if isinstance(found, described.DictType):
        return "a mapping of texts"
    if isinstance(found, described.StrType):
        return "a text"
    return "`true`, `false`" if isinstance(found, described.BoolType) else _number(found)


def _number(found: Any) -> str:
    kind = "a whole number" if isinstance(found, described.IntType) else "a number"
    if found.ge is not None and found.le is not None:
        return f"{kind} from {found.ge:g} to {found.le:g}"
    least = next((f", {low:g} or more" for low in (found.ge,) if low is not None), "")
    return kind + (f" above {found.gt:g}" if found.gt is not None else least)


def _default(field: described.Field) -> str:
    if field.required:
        return "**required**"
    value = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    value = msgspec.to_builtins(value)
    if value is None or value in ("", (), [], {}):
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{name} {part}" for name, part in value.items() if part not in ("", (), [], {}, None, False))
    return ", ".join(f"`{each}`" for each in (value if isinstance(value, list | tuple) else [value])).lower()


def _docstring(struct: type[Struct]) -> tuple[str, Mapping[str, str]]:
    """Return what a struct's docstring says before its attributes, and of each of them."""
    text, _, rest = (inspect.getdoc(struct) or "").partition("Attributes:")
    found: dict[str, str] = {}
    names: list[str] = []
    for line in rest.splitlines():
        if heading := re.match(r"    ([a-z_]+(?:, [a-z_]+)*): (.*)", line):
            names = heading[1].split(", ")
            found |= dict.fromkeys(names, heading[2])
        else:
            found |= {name: f"{found[name]} {line.strip()}".strip() for name in names if line.strip()}
    return " ".join(text.split("\n\n")[0].split()) + _further(text), found


def _further(text: str) -> str:
    further = [" ".join(part.split()) for part in text.strip().split("\n\n")[1:]]
    return "".join(f"\n\n{part}" for part in further if part)


def _words_of(enum: type[StrEnum]) -> str:
    meanings = dict(_meanings(enum))
    rows = "".join(f"| `{each.value}` | {meanings.get(each.name, '')} |\n" for each in enum)
    return f"### {enum.__name__}\n\n{_docstring_of(enum)}\n\n| word | meaning |\n|---|---|\n{rows}"


def _docstring_of(enum: type[StrEnum]) -> str:
    return " ".join((inspect.getdoc(enum) or "").split())


def _meanings(enum: type[StrEnum]) -> Iterator[tuple[str, str]]:
    """Yield what stands as a text below a word: Python keeps it in the source alone."""
    body = ast.parse(inspect.getsource(enum)).body[0]
    assert isinstance(body, ast.ClassDef)
    for before, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(before, ast.Assign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            (target,) = before.targets
            assert isinstance(target, ast.Name)
            yield target.id, " ".join(str(after.value.value).split())


def _secrets() -> str:
    rows = "".join(
        f"| `{kind}` | {', '.join(f'`{name}`' for name in names) or 'none'} |\n" for kind, names in SECRETS.items()
    )
    return f"### Secrets of channels\n\nThey are never in a file.\n\n| kind | secrets |\n|---|---|\n{rows}"


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="where to; standard output unless told")


def _run(arguments: argparse.Namespace, _environ: Mapping[str, str]) -> int:
    if arguments.file is None:
        sys.stdout.write(page())
        return 0
    try:
        arguments.file.write_text(page(), "utf-8")
    except OSError as error:
        raise WrongSetting(f"{arguments.file}: cannot be written: {error.strerror}") from None
    return 0


subcommand = Subcommand("docs", "write the page of every field of rules, routes and channels", _configure, _run)
