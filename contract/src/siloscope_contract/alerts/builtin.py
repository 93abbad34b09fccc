"""The rule that nobody writes: what is silent is told without any, and this is what its alerts are called by."""

from typing import Final

from siloscope_contract.alerts.conditions import NoData
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.words import SubjectKind

SILENCE: Final = Rule(
    rule="siloscope-silence",
    name="Nothing comes",
    condition=NoData(of="node"),
    per=SubjectKind.NODE,
    enabled=False,
    source="Built in: a node or a site that is silent is told of, whatever rules there are.",
)
"""Names alerts; it is never evaluated, so that nobody can switch off what it stands for."""
RESERVED: Final = frozenset({SILENCE.rule})
"""Names that no other rule may have."""
