"""What brokers know of credentials, kept in the database."""

from collections.abc import Sequence
from dataclasses import dataclass

from siloscope_contract.names import Slug
from siloscope_gateway.credentials import Recognition
from siloscope_gateway.errors import UnknownCredential, UnknownOwner, UsernameTaken
from siloscope_gateway.principals import Principal, PrincipalKind
from siloscope_store import audit, credentials
from siloscope_store.connections import connect
from siloscope_store.credentials import BrokerCredential
from siloscope_store.errors import NameTaken, NameUnknown

_APPLICATION = "siloscope gateway"


@dataclass(frozen=True)
class StoredRecognitions:
    """The table of broker credentials; each call is a connection of its own.

    Attributes:
        url: The database.
        actor: Who is named in the audit trail.
    """

    url: str
    actor: str = "command:siloscope gateway"

    def add(self, recognition: Recognition) -> None:
        """Keep one more, and a line in the audit trail.

        Raises:
            UnknownOwner: There is no such organisation or site.
            UsernameTaken: There is, or was, one of that user name.
        """
        principal = recognition.principal
        with connect(self.url, application_name=_APPLICATION) as connection:
            try:
                credentials.add(
                    connection,
                    principal.kind,
                    recognition.username,
                    org=principal.org,
                    site=principal.site,
                    node=principal.node,
                    nats_hash=recognition.bcrypt,
                    mosquitto_hash=recognition.mosquitto,
                )
            except NameTaken:
                raise UsernameTaken(recognition.username) from None
            except NameUnknown:
                raise self._unknown(principal) from None
            deed = audit.Deed(self.actor, "credential.add", recognition.username)
            audit.record(connection, deed, organisation=principal.org)

    def living(self) -> Sequence[Recognition]:
        """Return all that are not revoked, oldest first."""
        with connect(self.url, application_name=_APPLICATION) as connection:
            return [_recognition(each) for each in credentials.living(connection)]

    def revoke(self, username: str) -> None:
        """Let nobody in with it any more, and keep a line in the audit trail.

        Raises:
            UnknownCredential: There is no such living credential.
        """
        with connect(self.url, application_name=_APPLICATION) as connection:
            owner = next((each.org for each in credentials.living(connection) if each.username == username), None)
            try:
                credentials.revoke(connection, username)
            except NameUnknown:
                raise UnknownCredential(username) from None
            audit.record(connection, audit.Deed(self.actor, "credential.revoke", username), organisation=owner)

    def _unknown(self, principal: Principal) -> UnknownOwner:
        with connect(self.url, application_name=_APPLICATION) as connection:
            organisations = credentials.organisations(connection)
            if principal.org not in organisations:
                return UnknownOwner("organisation", str(principal.org), organisations)
            sites = credentials.sites_of(connection, str(principal.org))
            return UnknownOwner(f"site of {principal.org}", str(principal.site), sites)


def _recognition(stored: BrokerCredential) -> Recognition:
    parts = [None if part is None else Slug(part) for part in (stored.org, stored.site, stored.node)]
    principal = Principal(PrincipalKind(stored.kind), *parts)
    return Recognition(stored.username, principal, stored.nats_hash or "", stored.mosquitto_hash or "")
