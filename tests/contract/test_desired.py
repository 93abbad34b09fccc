"""What a node should be, and what it says that it is: read, written, refused at a place."""

import pytest

from siloscope_contract import desired
from siloscope_contract.desired import MAX_DESIRED_BYTES, MAX_REASONS, ConfigState, Desired, Outcome
from siloscope_contract.errors import MalformedMessage
from siloscope_contract.topics import NodeName

NODE = NodeName.of("demo", "north-farm", "yard-pi")
WHOLE = Desired(
    version=7,
    node=str(NODE),
    document={"buses": [], "mqtt": {"port": 8883}},
    confirm_within_s=60.0,
    may_be_silent=("head-3",),
    issued_at_ms=1,
    issuer="user:ada",
)


@pytest.mark.parametrize(
    ("payload", "reason", "place"),
    [
        (b"", "malformed", "desired configuration"),
        (b"\xff", "malformed", "desired configuration"),
        (b"[]", "malformed", "desired configuration"),
        (b'{"node":"demo/north-farm/yard-pi","document":{}}', "malformed", "desired configuration"),
        (b'{"version":0,"node":"demo/north-farm/yard-pi","document":{}}', "malformed", "desired configuration"),
        (b'{"version":1,"node":"demo/north-farm/yard-pi","document":[]}', "malformed", "desired configuration"),
        (b'{"version":1,"node":"demo/north-farm/yard-pi","document":{},"x":1}', "malformed", "desired configuration"),
        (b'{"version":1,"node":"demo/north-farm/mast","document":{}}', "wrong_node", "desired configuration, node"),
        (b"[" * 100_000, "malformed", "desired configuration"),
        (b" " * (MAX_DESIRED_BYTES + 1), "too_large", "desired configuration"),
    ],
)
def test_what_is_none_is_refused(payload: bytes, reason: str, place: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        desired.decode(payload, NODE)
    assert (refused.value.reason, refused.value.place) == (reason, place)


def test_a_golden_version_is_read_and_written_as_it_is() -> None:
    golden = (
        b'{"version":7,"node":"demo/north-farm/yard-pi","document":{"buses":[],"mqtt":{"port":8883}},'
        b'"confirm_within_s":60.0,"may_be_silent":["head-3"],"issued_at_ms":1,"issuer":"user:ada"}'
    )
    assert desired.decode(golden, NODE) == WHOLE
    assert desired.encode(WHOLE) == golden


def test_a_state_survives_being_written_and_is_bounded() -> None:
    state = ConfigState(
        outcome=Outcome.REFUSED, desired=7, in_force=6, reasons=("x" * 9_000,) * 99, complaint="y" * 9_000
    )
    encoded = desired.encode(state)
    assert len(encoded) < 16_000
    read = desired.decode_state(encoded)
    assert (read.outcome, read.desired, read.in_force, len(read.reasons)) == (Outcome.REFUSED, 7, 6, MAX_REASONS)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"outcome":"perhaps"}',
        b'{"outcome":"none","more":' + b"[" * 100_000,
        b'{"outcome":"applied","desired":2147483647}',
        b'{"outcome":"applied","desired":-1}',
    ],
)
def test_what_is_no_state_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedMessage):
        desired.decode_state(payload)


@pytest.mark.parametrize(
    ("document", "place", "found"),
    [
        ({"node": "x"}, "document", "node"),
        ({"alarms": []}, "document", "alarms"),
        ({"spool": {}}, "document", "spool"),
        ({"mqtt": {"host": "x"}}, "document.mqtt", "host"),
        ({"mqtt": {"username": "x"}}, "document.mqtt", "username"),
        ({"mqtt": 1}, "document.mqtt", "1"),
    ],
)
def test_what_belongs_to_the_site_is_refused(document: dict[str, object], place: str, found: str) -> None:
    with pytest.raises(MalformedMessage) as refused:
        desired.require_sections(document)
    assert (refused.value.place, refused.value.found) == (place, found)
