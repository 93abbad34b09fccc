"""Everything the API answers with when it cannot do what was asked; each becomes one RFC 9457 problem.

* ApiError
  - Unauthenticated    401  no login, a wrong one, or one that has run out: log in or refresh
  - Forbidden          403  the login's role may not do this: ask an administrator
  - NotFound           404  there is no such thing, or it is another organisation's: the answer is the same
  - NotAcceptable      406  the client takes no form that this route offers
  - Conflict           409  what is stored forbids it: an alert is over, a rule is named by another
  - TooLarge           413  the body is beyond the limit
  - Malformed          422  a parameter or the body is not as documented
  - Throttled          429  too many failed logins: wait
  - Unavailable        503  the database is away: try again
    * TooSlow          504  it answers, but not within the time a request has: ask for less
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Fault:
    """One wrong part of a request.

    Attributes:
        place: Where it stands, such as `query.points` or `body.username`.
        expected: What should stand there.
        line: Of a text that was sent, counted from 1.
    """

    place: str
    expected: str
    line: int | None = None


class ApiError(Exception):
    """A request that fails for a reason the client is told.

    Attributes:
        status: The HTTP status.
        slug: The reason's name, the end of the problem's `type`.
        title: The same in a few words; never varies with the occurrence.
    """

    status: ClassVar[int]
    slug: ClassVar[str]
    title: ClassVar[str]

    def __init__(
        self, detail: str, *, headers: Mapping[str, str] | None = None, faults: Sequence[Fault] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.faults = faults


class Unauthenticated(ApiError):
    """Nobody is logged in; the challenge names the scheme (RFC 6750)."""

    status = 401
    slug = "unauthenticated"
    title = "Log in first"

    def __init__(self, detail: str, *, error: str | None = None) -> None:
        challenge = 'Bearer realm="siloscope"' + (f', error="{error}"' if error else "")
        super().__init__(detail, headers={"WWW-Authenticate": challenge})


class Forbidden(ApiError):
    """The login's role may not do this."""

    status = 403
    slug = "forbidden"
    title = "Your role may not do this"


class NotFound(ApiError):
    """No such thing in the caller's organisation."""

    status = 404
    slug = "not-found"
    title = "There is no such thing"

    def __init__(self, what: str, identifier: object) -> None:
        super().__init__(f"there is no {what} {identifier}")


class NotAcceptable(ApiError):
    """The client takes no form that this route offers."""

    status = 406
    slug = "not-acceptable"
    title = "This route has no such form"


class Conflict(ApiError):
    """What is stored forbids it."""

    status = 409
    slug = "conflict"
    title = "What is stored forbids it"


class TooLarge(ApiError):
    """The body is beyond the limit."""

    status = 413
    slug = "too-large"
    title = "The request is too large"


class Malformed(ApiError):
    """A parameter or the body is not as documented."""

    status = 422
    slug = "malformed"
    title = "The request is malformed"


class Throttled(ApiError):
    """Too many failed logins."""

    status = 429
    slug = "throttled"
    title = "Too many failed logins"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            f"too many failed logins; try again in {retry_after_s} s", headers={"Retry-After": str(retry_after_s)}
        )


class Unavailable(ApiError):
    """Something the server needs is away."""

    status = 503
    slug = "unavailable"
    title = "The server cannot answer now"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"Retry-After": "5"})


class TooSlow(Unavailable):
    """The database was asked for more than it can answer in time."""

    status = 504
    slug = "too-slow"
    title = "The answer takes too long"
