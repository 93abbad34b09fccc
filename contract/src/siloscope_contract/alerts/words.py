"""The words of an alert: severities, states, reasons, subjects, causes. All of them are stored: never rename one."""

from enum import StrEnum


class Severity(StrEnum):
    """How much it matters, least first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for info, 2 for critical."""
        return list(Severity).index(self)


class State(StrEnum):
    """Where an alert stands. That somebody acknowledged it stands beside its state, and changes none."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    CLEARING = "clearing"
    RESOLVED = "resolved"
    UNKNOWN = "unknown"


class SubjectKind(StrEnum):
    """What an alert is about."""

    CHANNEL = "channel"
    PLACE = "place"
    NODE = "node"
    SITE = "site"
    ORGANISATION = "organisation"
    PLATFORM = "platform"


class Reason(StrEnum):
    """Why a state changed."""

    BREACHED = "breached"
    """The condition holds; its duration has begun."""
    HELD = "held"
    """It has held for its duration."""
    NOT_HELD = "not_held"
    """It ended before its duration did."""
    BELOW_CLEAR = "below_clear"
    """Readings are on the good side of the clear level; the clear duration has begun."""
    BREACHED_AGAIN = "breached_again"
    """They left it again before the clear duration was over."""
    CLEARED = "cleared"
    """They stayed there for the clear duration."""
    NO_DATA = "no_data"
    """The readings that the rule needs no longer come."""
    BAD_DATA = "bad_data"
    """They come, and are of bad quality."""
    NODE_SILENT = "node_silent"
    SITE_SILENT = "site_silent"
    PLATFORM_DOWN = "platform_down"
    """Broker, ingest or database were away: nothing can be said about absence."""
    DATA_BACK = "data_back"
    """Readings say again what is so."""
    SILENT = "silent"
    """A no-data rule: nothing came for longer than is expected."""
    LATE_HISTORY = "late_history"
    """Late data filled the gap in a hold."""
    LATE_EXCURSION = "late_excursion"
    """Late data shows what happened meanwhile: a notice about the past."""
    FLAPPING = "flapping"
    CALM = "calm"
    """It no longer flaps."""
    RULE_CHANGED = "rule_changed"
    RULE_REMOVED = "rule_removed"
    OUT_OF_SCOPE = "out_of_scope"
    """The rule's selector no longer meets the subject."""
    OFF_SCHEDULE = "off_schedule"
    MAINTENANCE = "maintenance"
    INHIBITED = "inhibited"
    """A rule that this one depends on is firing for the same subject."""


class Cause(StrEnum):
    """What an incident, and so one message, is about."""

    RULE = "rule"
    NODE_SILENT = "node_silent"
    SITE_SILENT = "site_silent"
    FLAPPING = "flapping"
    RETROSPECTIVE = "retrospective"
    PLATFORM = "platform"
    TEST = "test"
