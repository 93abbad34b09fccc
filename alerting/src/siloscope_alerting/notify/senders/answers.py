"""What an HTTP answer means for a message."""

from email.utils import parsedate_to_datetime

import httpx2

from siloscope_alerting.errors import TryAgain, Undeliverable
from siloscope_alerting.ports import Clock

_AGAIN = (408, 425, 429)
_MOST_WORDS = 200


def raise_for(answer: httpx2.Response, clock: Clock) -> None:
    """Return where the service has the message.

    Raises:
        TryAgain: It is busy or broken: 408, 425, 429, 5xx.
        Undeliverable: It refuses it: everything else that is not 2xx, redirections too.
    """
    if answer.is_success:
        return
    said = f"{answer.status_code} {' '.join(answer.text.split())[:_MOST_WORDS]}".strip()
    if answer.status_code in _AGAIN or answer.is_server_error:
        raise TryAgain(said, retry_after_s(answer.headers.get("Retry-After"), clock))
    raise Undeliverable(said)


def retry_after_s(header: str | None, clock: Clock) -> float | None:
    """Return what a Retry-After header asks for: seconds, or until a date; None where it says neither."""
    if header is None:
        return None
    try:
        return max(float(header), 0.0)
    except ValueError:
        pass
    try:
        return max((parsedate_to_datetime(header) - clock.now()).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None


def away(error: httpx2.HTTPError | httpx2.InvalidURL, host: str) -> TryAgain:
    """Return what a failed request means; the URL may hold a secret, so only its host is named."""
    return TryAgain(f"{host}: {type(error).__name__}")
