import base64
import hashlib
import re

import bcrypt

from siloscope_contract.topics import NodeName
from siloscope_gateway.credentials import issue
from siloscope_gateway.hashes import mosquitto_hash
from siloscope_gateway.principals import Principal

NODE = Principal.of_node(NodeName.of("demo", "north-farm", "yard"))


def test_passwords_are_url_safe_and_of_192_bits() -> None:
    credential, _ = issue(NODE)
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", credential.password)


def test_two_credentials_of_one_node_differ_in_name_and_password() -> None:
    (first, _), (second, _) = issue(NODE), issue(NODE)
    assert first.username != second.username
    assert first.password != second.password
    assert first.username.startswith("node.demo.north-farm.yard.")


def test_a_credential_shows_no_password_in_logs() -> None:
    credential, _ = issue(NODE)
    assert credential.password not in repr(credential)


def test_what_is_kept_recognises_the_password_and_does_not_hold_it() -> None:
    credential, recognition = issue(NODE)
    assert bcrypt.checkpw(credential.password.encode(), recognition.bcrypt.encode())
    assert not bcrypt.checkpw(b"another", recognition.bcrypt.encode())
    assert credential.password not in repr(recognition)


def test_the_mosquitto_hash_has_the_form_that_mosquitto_reads() -> None:
    _, version, iterations, salt, derived = mosquitto_hash("secret", salt=b"salt12bytes!", iterations=101).split("$")
    assert (version, iterations, base64.b64decode(salt)) == ("7", "101", b"salt12bytes!")
    assert base64.b64decode(derived) == hashlib.pbkdf2_hmac("sha512", b"secret", b"salt12bytes!", 101, 64)
