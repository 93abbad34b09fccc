"""Broker credentials: generated here, shown once, kept only as what each broker needs to recognise them."""

import secrets
from dataclasses import dataclass

from siloscope_gateway.hashes import bcrypt_hash, mosquitto_hash
from siloscope_gateway.principals import Principal

_PASSWORD_BYTES = 24
_SERIAL_BYTES = 3


@dataclass(frozen=True)
class Credential:
    """What a device is given; the password exists nowhere else afterwards."""

    username: str
    password: str

    def __repr__(self) -> str:
        """Show no password, in whatever log this lands."""
        return f"Credential({self.username!r}, '***')"


@dataclass(frozen=True)
class Recognition:
    """What brokers know of a credential: whose it is, and hashes of its password.

    Attributes:
        bcrypt: For NATS.
        mosquitto: For Mosquitto's password file (PBKDF2-SHA512).
    """

    username: str
    principal: Principal
    bcrypt: str
    mosquitto: str


def issue(principal: Principal) -> tuple[Credential, Recognition]:
    """Make a new credential with 192 random bits.

    The user name ends in a serial, so that a node can be given a new credential while the old one still works.
    """
    username = f"{principal.label}.{secrets.token_hex(_SERIAL_BYTES)}"
    credential = Credential(username, secrets.token_urlsafe(_PASSWORD_BYTES))
    return credential, recognise(credential, principal)


def recognise(credential: Credential, principal: Principal) -> Recognition:
    """Hash an existing credential for the brokers."""
    return Recognition(
        credential.username, principal, bcrypt_hash(credential.password), mosquitto_hash(credential.password)
    )
