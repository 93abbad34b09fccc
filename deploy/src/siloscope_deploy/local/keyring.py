"""The credentials that this home's own services use: made once, kept for the owner's eyes, known to the database."""

from pathlib import Path

import msgspec

from siloscope_deploy.local.home import write_private
from siloscope_gateway.credentials import Credential, issue, recognise
from siloscope_gateway.errors import UsernameTaken
from siloscope_gateway.ports import RecognitionStore
from siloscope_gateway.principals import Principal


class _Kept(msgspec.Struct, frozen=True):
    username: str
    password: str


class Keyring:
    """Plain credentials in files of this home, their hashes in the database.

    Args:
        folder: Where the files are.
        store: The database.
    """

    def __init__(self, folder: Path, store: RecognitionStore) -> None:
        self._folder = folder
        self._store = store
        self._known = {recognition.username for recognition in store.living()}

    def credential(self, principal: Principal) -> Credential:
        """Return the principal's credential.

        Made where there is none, and told to the database where that does not know it: at the first start, after the
        database was replaced, and where an earlier start ended between the two. One that was revoked is replaced.
        """
        kept = self._kept(principal) or self._new(principal)
        if kept.username in self._known:
            return kept
        try:
            self._store.add(recognise(kept, principal))
        except UsernameTaken:
            kept = self._new(principal)
            self._store.add(recognise(kept, principal))
        self._known.add(kept.username)
        return kept

    def file(self, principal: Principal) -> Path:
        """Return where the principal's credential is kept: JSON with `username` and `password`."""
        return self._folder / f"{principal.label}.json"

    def password_file(self, principal: Principal) -> Path:
        """Return a file with the password alone, for programs that read it from one."""
        path = self._folder / f"{principal.label}.password"
        write_private(path, self.credential(principal).password + "\n")
        return path

    def _new(self, principal: Principal) -> Credential:
        fresh, _ = issue(principal)
        write_private(self.file(principal), msgspec.json.encode(_Kept(fresh.username, fresh.password)).decode())
        return fresh

    def _kept(self, principal: Principal) -> Credential | None:
        try:
            found = msgspec.json.decode(self.file(principal).read_bytes(), type=_Kept)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return Credential(found.username, found.password)
