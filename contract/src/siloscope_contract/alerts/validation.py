"""What a rule says and cannot mean: judged the same for a file, the API and the command line. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from siloscope_contract.alerts.rules import Rule


class Problem(NamedTuple):
    """One thing that cannot be meant.

    Attributes:
        path: Where it stands within the rule: ``("condition", "clear")``.
        found: As it may be shown.
        expected: What would have been right, with the nearest right word.
    """

    path: tuple[str | int, ...]
    found: str
    expected: str


def faults(rule: Rule, known: Mapping[str, Rule]) -> Sequence[Problem]:
    """Return everything that cannot be meant.

    Args:
        rule: As it was read.
        known: Every rule of the organisation by slug, with the ones that are about to be applied.
    """
    raise NotImplementedError
