"""Rules in a body: as a document, or as the YAML that people write, whose lines faults then name."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.validation import Problem, unfit_values
from siloscope_dashboards.documents import faults_of, read, refused
from siloscope_dashboards.errors import Malformed
from siloscope_process.documents import Document, Fault


class WrittenRule:
    """A rule, and where each part of it stands.

    Args:
        body: The document itself, or `{"yaml": "…"}`.

    Attributes:
        rule: As it was read.

    Raises:
        Malformed: It is no rule, and at which place.
    """

    def __init__(self, body: dict[str, Any]) -> None:
        self._document: Document | None = None
        text = body.get("yaml")
        if set(body) == {"yaml"} and isinstance(text, str):
            self._document = Document(text, Path("yaml"), _refusal)
            self.rule = self._document.convert(Rule)
            if unfit := unfit_values(self.rule):
                raise self.refused(unfit)
        else:
            self.rule = read(Rule, body)

    def refused(self, problems: Iterable[Problem]) -> Malformed:
        """Return the error for a rule that cannot be meant; of YAML it names the lines."""
        if self._document is None:
            return refused("body", problems)
        document = self._document
        return faults_of("yaml", [(each, document.line(each.path)) for each in problems])


def written(document: dict[str, Any]) -> str:
    """Return a stored rule as people write it: YAML, without what the defaults say."""
    rule = msgspec.convert(document, Rule)
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(_sparse(rule)))
    return yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=110)


def _sparse(found: Any) -> Any:
    """Return a struct without the fields that say what the default does."""
    if isinstance(found, msgspec.Struct):
        kept = {
            each.name: _sparse(value)
            for each in msgspec.structs.fields(found)
            if (value := getattr(found, each.name)) != _default(each)
        }
        config = found.__struct_config__
        return {str(config.tag_field): config.tag, **kept} if config.tag_field else kept
    if isinstance(found, tuple):
        return [_sparse(each) for each in found]
    return found


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


def _refusal(fault: Fault) -> Exception:
    return faults_of("yaml", [(Problem(fault.path, fault.found, fault.expected), fault.line)])
