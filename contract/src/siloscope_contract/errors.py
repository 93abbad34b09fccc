"""Everything the contract refuses, each with the place, what was found there and what was expected.

* ContractError
  - MalformedName      a name that is no slug
  - MalformedTopic     a topic that is none of ours
  - MalformedPack      a samples message that cannot be read; carries its number when that could still be read
  - MalformedMessage   a birth, heartbeat, status, watermark, configuration or command that cannot be read
  - UnknownUnit        a unit that is in neither SenML registry
  - UnknownQuantity    a quantity that the contract does not define
"""

from difflib import get_close_matches

LONGEST_WORD = 40
"""What is longer resembles no word of ours, and comparing it would take long."""


class ContractError(Exception):
    """Something that two processes agreed on was not kept.

    Args:
        reason: Slug that logs, metrics and the quarantine use, e.g. ``unknown_unit``.
        place: Where it was found, e.g. ``record 3, u``.
        found: What was found there; the message shortens it to 120 characters.
        expected: What would have been right.
    """

    def __init__(self, reason: str, *, place: str, found: object, expected: str) -> None:
        self.reason = reason
        self.place = place
        self.found = found
        self.expected = expected
        super().__init__(f"{place}: found {shortened(found)}, expected {expected}")


class MalformedName(ContractError):
    """A name is no slug."""


class MalformedTopic(ContractError):
    """A topic is none of ours."""


class MalformedPack(ContractError):
    """A samples message cannot be accepted as a whole.

    Attributes:
        epoch: The pack's epoch, where it could still be read.
        seq: The pack's number in that epoch, where it could still be read: a refused number is an accounted one.
    """

    epoch: str | None = None
    seq: int | None = None


class MalformedMessage(ContractError):
    """A birth, heartbeat, status, watermark, configuration or command cannot be read."""


class UnknownUnit(ContractError):
    """A unit is in neither of SenML's registries."""


class UnknownQuantity(ContractError):
    """A quantity is not defined by the contract."""


def shortened(found: object, limit: int = 120) -> str:
    """Return ``found`` as it can stand in a one-line message."""
    text = repr(found)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def one_of(words: list[str], found: str) -> str:
    """Return an expectation that names the nearest right word, or all of them where they are few."""
    near = get_close_matches(found, words, n=1, cutoff=0.5) if len(found) <= LONGEST_WORD else []
    if near:
        return f"a known one; did you mean {near[0]!r}?"
    return "one of " + ", ".join(sorted(words)) if len(words) <= 12 else f"one of {len(words)} known ones"
