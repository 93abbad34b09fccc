from collections.abc import Sequence
from pathlib import Path

from siloscope_contract.topics import NodeName
from siloscope_deploy.local.keyring import Keyring
from siloscope_gateway.credentials import Recognition
from siloscope_gateway.errors import UsernameTaken
from siloscope_gateway.principals import Principal

YARD = Principal.of_node(NodeName.of("demo", "north-farm", "yard-pi"))


class Remembered:
    """A store in memory."""

    def __init__(self) -> None:
        self.kept: list[Recognition] = []
        self.revoked: list[str] = []

    def add(self, recognition: Recognition) -> None:
        if recognition.username in self.revoked:
            raise UsernameTaken(recognition.username)
        self.kept.append(recognition)

    def living(self) -> Sequence[Recognition]:
        return tuple(self.kept)

    def revoke(self, username: str) -> None:
        self.kept = [each for each in self.kept if each.username != username]
        self.revoked.append(username)


def test_a_credential_is_made_once(tmp_path: Path) -> None:
    store = Remembered()
    first = Keyring(tmp_path, store).credential(YARD)
    again = Keyring(tmp_path, store).credential(YARD)
    assert again == first
    assert [each.username for each in store.kept] == [first.username]


def test_a_new_database_is_told_of_the_credential_that_is_in_use(tmp_path: Path) -> None:
    first = Keyring(tmp_path, Remembered()).credential(YARD)
    restored = Remembered()
    assert Keyring(tmp_path, restored).credential(YARD) == first
    assert [(each.username, each.principal) for each in restored.kept] == [(first.username, YARD)]


def test_a_revoked_credential_is_replaced(tmp_path: Path) -> None:
    store = Remembered()
    first = Keyring(tmp_path, store).credential(YARD)
    store.revoke(first.username)
    second = Keyring(tmp_path, store).credential(YARD)
    assert second.username != first.username
    assert Keyring(tmp_path, store).credential(YARD) == second


def test_credentials_are_for_their_owners_eyes(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path, Remembered())
    for file in (keyring.password_file(YARD), keyring.file(YARD)):
        assert file.stat().st_mode & 0o077 == 0
    assert keyring.password_file(YARD).read_text().strip() == keyring.credential(YARD).password


def test_the_database_never_sees_the_password(tmp_path: Path) -> None:
    store = Remembered()
    password = Keyring(tmp_path, store).credential(YARD).password
    assert password not in repr(store.kept)
