"""Lengths of time as people write them in rules: 90s, 30m, 6h, 7d, 2w."""

import re
from typing import Annotated

from msgspec import Meta

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_PATTERN = r"^(0|[1-9]\d{0,5})(s|m|h|d|w)$"

Span = Annotated[str, Meta(pattern=_PATTERN, description="a length of time such as 90s, 30m, 6h, 7d or 2w")]


def seconds(span: str) -> int:
    """Return how many seconds a span is.

    Raises:
        ValueError: It is no span.

    >>> seconds("30m")
    1800
    """
    found = re.fullmatch(_PATTERN[1:-1], span)
    if found is None:
        raise ValueError(f"{span!r} is no length of time such as 90s, 30m, 6h, 7d or 2w")
    return int(found[1]) * _UNITS_S[found[2]]
