"""Rules from files, judged: what cannot be meant names file, line, what was found and what was expected."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from siloscope_contract.alerts.rules import Rule, RuleFile
from siloscope_contract.alerts.validation import Problem, faults
from siloscope_process.documents import Document, Fault
from siloscope_process.errors import WrongSetting
from siloscope_store.rule_messages import message_faults


class RuleDocument:
    """A file of rules.

    Args:
        document: Parsed.

    Attributes:
        rules: Read; raises `WrongSetting` where one cannot be.
    """

    def __init__(self, document: Document) -> None:
        self._document = document
        self.rules: Sequence[Rule] = document.convert(RuleFile).rules

    @classmethod
    def read(cls, file: Path) -> "RuleDocument":
        """Read a YAML file."""
        return cls(Document.read(file))

    @property
    def name(self) -> str:
        """The file's."""
        return str(self._document.file)

    def faults(self, known: Mapping[str, Rule]) -> Iterator[Fault]:
        """Yield what the rules cannot mean, where these and those of the file are all there are."""
        seen: dict[str, Rule] = {}
        everything = {**known, **{each.rule: each for each in self.rules}}
        for index, rule in enumerate(self.rules):
            if rule.rule in seen:
                yield self._fault(
                    index, Problem(("rule",), repr(rule.rule), "a slug that no other rule of the file has")
                )
            seen[rule.rule] = rule
            for problem in (*faults(rule, everything), *message_faults(rule)):
                yield self._fault(index, problem)

    def _fault(self, index: int, problem: Problem) -> Fault:
        path = ("rules", index, *problem.path)
        line = self._document.line(path)
        return Fault(self._document.file, line, "wrong", path, problem.found, problem.expected)


def judged(documents: Sequence[RuleDocument], known: Mapping[str, Rule]) -> list[Rule]:
    """Return the rules of all files.

    Raises:
        WrongSetting: One of them cannot be meant, or stands in two files.
    """
    everything = {**known, **{rule.rule: rule for each in documents for rule in each.rules}}
    homes: dict[str, str] = {}
    for each in documents:
        for fault in each.faults(everything):
            raise WrongSetting(str(fault))
        for rule in each.rules:
            if homes.setdefault(rule.rule, each.name) != each.name:
                raise WrongSetting(f"{each.name}: rule {rule.rule!r} stands in {homes[rule.rule]} too")
    return [rule for each in documents for rule in each.rules]
