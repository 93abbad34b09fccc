"""Password hashes in the brokers' own formats.

The passwords are random and of 192 bits, so nobody can try them all however cheap one try is; the work factors are
therefore low, and ten thousand nodes that reconnect at once do not keep the broker busy for minutes.
"""

import base64
import hashlib
import secrets

import bcrypt

_BCRYPT_ROUNDS = 5
_PBKDF2_ITERATIONS = 1000
_SALT_BYTES = 12
_HASH_BYTES = 64


def bcrypt_hash(password: str) -> str:
    """Return the bcrypt hash that NATS takes, in its `$2a$` form."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(_BCRYPT_ROUNDS, prefix=b"2a")).decode()


def mosquitto_hash(password: str, salt: bytes | None = None, iterations: int = _PBKDF2_ITERATIONS) -> str:
    """Return the line part that `mosquitto_passwd` would write.

    Source:
        Eclipse Mosquitto, `mosquitto_passwd`: `$7$<iterations>$<salt>$<hash>`, PBKDF2 with SHA-512, both in base64.
    """
    chosen = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    derived = hashlib.pbkdf2_hmac("sha512", password.encode(), chosen, iterations, _HASH_BYTES)
    return f"$7${iterations}${base64.b64encode(chosen).decode()}${base64.b64encode(derived).decode()}"
