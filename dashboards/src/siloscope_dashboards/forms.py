"""Which form of an answer the client takes (RFC 9110, section 12.5.1)."""

from fastapi import Request

from siloscope_dashboards.errors import NotAcceptable


async def json_only(request: Request) -> None:
    """Refuse a client that takes no JSON.

    Raises:
        NotAcceptable: `Accept` names other forms only.
    """
    _require(request, "application/json")


async def events_only(request: Request) -> None:
    """Refuse a client that takes no event stream.

    Raises:
        NotAcceptable: `Accept` names other forms only.
    """
    _require(request, "text/event-stream")


def accepts(header: str, media_type: str) -> bool:
    """Return whether an `Accept` header lets this media type through.

    >>> accepts("text/html, application/*;q=0.5", "application/json")
    True
    >>> accepts("text/html, application/json;q=0", "application/json")
    False
    """
    weights = dict(_parsed(part) for part in header.split(","))
    family = media_type.partition("/")[0] + "/*"
    for candidate in (media_type, family, "*/*"):
        if candidate in weights:
            return weights[candidate]
    return False


def _parsed(part: str) -> tuple[str, bool]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    return name, not any(piece.replace(" ", "") in ("q=0", "q=0.0", "q=0.00", "q=0.000") for piece in parameters)


def _require(request: Request, media_type: str) -> None:
    header = request.headers.get("accept", "")
    if header.strip() and not accepts(header, media_type):
        raise NotAcceptable(f"this route answers {media_type}; Accept was {header[:80]!r}")
