"""Everything the gateway raises.

* GatewayError
  - UnknownOwner       the organisation or site that a credential is asked for does not exist
  - UnknownCredential  no living credential has that user name
  - UsernameTaken      there is, or was, a credential of that user name
"""

from collections.abc import Sequence


class GatewayError(Exception):
    """The gateway refuses."""


class UnknownOwner(GatewayError):
    """The organisation or site that a credential is asked for does not exist."""

    def __init__(self, what: str, found: str, there_are: Sequence[str]) -> None:
        known = ", ".join(there_are) or "none yet; `siloscope db apply LAYOUT.yaml` makes them"
        super().__init__(f"there is no {what} {found!r}; there are: {known}")


class UnknownCredential(GatewayError):
    """No living credential has that user name."""

    def __init__(self, username: str) -> None:
        super().__init__(f"there is no credential {username!r}; `siloscope gateway credential list` shows all")


class UsernameTaken(GatewayError):
    """There is, or was, a credential of that user name."""

    def __init__(self, username: str) -> None:
        super().__init__(f"there is, or was, a credential {username!r}; one that was revoked does not come back")
