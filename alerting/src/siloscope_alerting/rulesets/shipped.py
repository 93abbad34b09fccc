"""Find and read the rule sets that are shipped."""

from importlib.resources import files
from pathlib import Path

from siloscope_alerting.errors import RuleRefused
from siloscope_contract.alerts.rules import Rule, RuleFile
from siloscope_contract.errors import one_of
from siloscope_process.documents import Document

_FOLDER = files(__package__ or "siloscope_alerting.rulesets")


def names() -> list[str]:
    """Return the names of all shipped sets, in alphabetic order."""
    return sorted(each.name.removesuffix(".yaml") for each in _FOLDER.iterdir() if each.name.endswith(".yaml"))


def document(name: str) -> Document:
    """Return a shipped set as its YAML document.

    Raises:
        RuleRefused: No set has the name; the nearest is named.
    """
    if name not in names():
        raise RuleRefused("rule set", repr(name), one_of(names(), name))
    file = f"{name}.yaml"
    return Document((_FOLDER / file).read_text("utf-8"), Path(file))


def shipped(name: str) -> tuple[Rule, ...]:
    """Return the rules of a shipped set.

    Raises:
        RuleRefused: No set has the name; the nearest is named.
    """
    return document(name).convert(RuleFile).rules
