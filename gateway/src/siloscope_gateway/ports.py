"""What the gateway needs of the database."""

from collections.abc import Sequence
from typing import Protocol

from siloscope_gateway.credentials import Recognition
from siloscope_gateway.principals import Principal


class RecognitionStore(Protocol):
    """Keeps what brokers know of credentials; never a password."""

    def add(self, recognition: Recognition) -> None:
        """Keep one more.

        Raises:
            UnknownOwner: There is no such organisation or site.
        """
        ...

    def living(self) -> Sequence[Recognition]:
        """Return all that are not revoked."""
        ...

    def revoke(self, username: str) -> Principal:
        """Let nobody in with it any more; return whose it was.

        Raises:
            UnknownCredential: There is no such living credential.
        """
        ...
