"""Everything the gateway raises.

* GatewayError
  - UnknownOwner       the organisation or site that a credential is asked for does not exist
  - UnknownCredential  no living credential has that user name
  - UsernameTaken      there is, or was, a credential of that user name
  - BrokerAway         the broker cannot be reached now: try again, what is owed stays in the database
  - NodeUnknown        the node that something is meant for does not exist
  - DocumentWrong      a configuration cannot be meant; says at which place
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


class BrokerAway(GatewayError):
    """The broker cannot be reached, or does not acknowledge."""


class NodeUnknown(GatewayError):
    """The node that something is meant for does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no node {name}; expected organisation, site and node of one that was announced")


class DocumentWrong(GatewayError):
    """A configuration cannot be meant."""
