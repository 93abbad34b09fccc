"""The key that signs access tokens: generated, never configured, never the same in two places by default."""

import os
import secrets
from pathlib import Path

from siloscope_dashboards.auth.tokens import KEY_BYTES
from siloscope_process.errors import WrongSetting


def signing_key(home: Path | None) -> bytes:
    """Return the key: kept under `home`, so that a restart or a second process signs alike.

    Without a home it lasts as long as this process: whoever is logged in refreshes after a restart, unnoticed.

    Raises:
        WrongSetting: The file is not a key, or cannot be read or written.
    """
    if home is None:
        return secrets.token_bytes(KEY_BYTES)
    file = home / "secrets" / "api.key"
    try:
        if not file.exists():
            _generate(file)
        key = bytes.fromhex(file.read_text().strip())
    except OSError as error:
        raise WrongSetting(f"cannot use {file} (SILOSCOPE_HOME): {error.strerror}") from error
    except ValueError as error:
        raise WrongSetting(f"{file} is not a key; expected {2 * KEY_BYTES} hex digits, or no file") from error
    if len(key) < KEY_BYTES:
        raise WrongSetting(f"{file} holds {len(key)} bytes; expected {KEY_BYTES}, or no file")
    return key


def _generate(file: Path) -> None:
    """Put a whole file in place, or leave the one that another process put there first."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(secrets.token_hex(KEY_BYTES) + "\n")
    try:
        os.link(partial, file)
    except FileExistsError:
        pass
    finally:
        partial.unlink()
