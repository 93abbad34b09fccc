"""Everything alerting raises.

* AlertingError
  - Fenced          another evaluator has taken over: forget everything, stand by
  - RuleRefused     a rule or file says what cannot be meant; names place, found and expected
  - SendingFailed
    * TryAgain      the service is away or busy: the same message again, later
    * Undeliverable the service refuses this message for good: record it, go on
"""


class AlertingError(Exception):
    """Something that alerting must react to."""


class Fenced(AlertingError):
    """A higher term is in the database: whatever this evaluator was about to write must not be written."""


class RuleRefused(AlertingError):
    """A rule cannot be meant as it is written.

    Args:
        place: Where: `rules.yaml:12: rules[0].condition`.
        found: What stands there.
        expected: What would be right, with the nearest right word.
    """

    def __init__(self, place: str, found: str, expected: str) -> None:
        super().__init__(f"{place}: found {found}, expected {expected}")
        self.place = place
        self.found = found
        self.expected = expected


class SendingFailed(AlertingError):
    """A message did not go out."""


class TryAgain(SendingFailed):
    """It may go out later.

    Args:
        detail: What the service said, without secrets.
        after_s: How long it asked to wait; None = as the back-off says.
    """

    def __init__(self, detail: str, after_s: float | None = None) -> None:
        super().__init__(detail)
        self.after_s = after_s


class Undeliverable(SendingFailed):
    """It never will, as it is."""
