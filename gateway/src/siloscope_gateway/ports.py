"""What the gateway needs of the database."""

from collections.abc import Sequence
from typing import Protocol

from siloscope_gateway.credentials import Recognition


class RecognitionStore(Protocol):
    """Keeps what brokers know of credentials; never a password."""

    def add(self, recognition: Recognition) -> None:
        """Keep one more.

        Raises:
            UnknownOwner: There is no such organisation or site.
            UsernameTaken: There is, or was, one of that user name.
        """
        ...

    def living(self) -> Sequence[Recognition]:
        """Return all that are not revoked."""
        ...

    def revoke(self, username: str) -> None:
        """Let nobody in with it any more.

        Raises:
            UnknownCredential: There is no such living credential.
        """
        ...
