"""Everything the gateway raises.

* GatewayError
  - UnknownOwner       the organisation, site or node that a credential is asked for does not exist
  - UnknownCredential  no credential has that user name
"""


class GatewayError(Exception):
    """The gateway refuses."""


class UnknownOwner(GatewayError):
    """The organisation, site or node that a credential is asked for does not exist."""

    def __init__(self, what: str, found: str, there_are: list[str]) -> None:
        known = ", ".join(there_are) or "none yet; `siloscope db apply LAYOUT.yaml` makes them"
        super().__init__(f"there is no {what} {found!r}; there are: {known}")


class UnknownCredential(GatewayError):
    """No credential has that user name."""

    def __init__(self, username: str) -> None:
        super().__init__(f"there is no credential {username!r}; `siloscope gateway credential list` shows all")
