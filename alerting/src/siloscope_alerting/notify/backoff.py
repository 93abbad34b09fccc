"""When a message is tried again. Pure; the only randomness is given."""

from siloscope_contract.alerts.words import Severity

FIRST_S = 5.0
LONGEST_S = 600.0
SPREAD = 0.2
GIVE_UP_AFTER_S = 24 * 3_600.0
GIVE_UP_CRITICAL_AFTER_S = 72 * 3_600.0


def retry_in_s(number: int, severity: str, age_s: float, chance: float, asked_s: float | None = None) -> float | None:
    """Return after how many seconds a message that failed is tried again; None = it is given up.

    Args:
        number: Of the attempt that failed, from 1.
        severity: Of the message: critical ones are tried for longer.
        age_s: Since it was enqueued.
        chance: From 0 to 1: spreads the attempts of many messages.
        asked_s: What the service asked for, which counts where it is longer.
    """
    patience_s = GIVE_UP_CRITICAL_AFTER_S if severity == Severity.CRITICAL else GIVE_UP_AFTER_S
    pause_s = min(FIRST_S * 2.0 ** min(number - 1, 20), LONGEST_S) * (1 + SPREAD * (2 * chance - 1))
    pause_s = max(pause_s, min(asked_s or 0.0, 3_600.0))
    return pause_s if age_s + pause_s < patience_s else None


def channel_pause_s(failures: int) -> float:
    """Return how long a channel rests after so many failures in a row: the first may be that one message's alone."""
    return 0.0 if failures < 2 else min(2.0 ** (failures - 2), 60.0)
