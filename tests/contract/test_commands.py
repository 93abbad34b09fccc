"""Commands and results: read, written, refused at a place; and when a command may be done."""

import pytest

from siloscope_contract import commands
from siloscope_contract.commands import (
    MAX_BUNDLE_BYTES,
    MAX_RESULT_BYTES,
    Command,
    CommandKind,
    CommandOutcome,
    Reason,
    Result,
)
from siloscope_contract.errors import MalformedMessage

NOW_MS = 1_795_000_000_000
GIVEN = Command(kind=CommandKind.READ_NOW, issued_at_ms=NOW_MS, expires_at_ms=NOW_MS + 60_000, issuer="user:ada")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b'{"kind":"format_disk","issued_at_ms":1,"expires_at_ms":2,"issuer":"x"}',
        b'{"kind":"restart","issued_at_ms":1,"expires_at_ms":2,"issuer":""}',
        b'{"kind":"restart","issued_at_ms":1,"expires_at_ms":2}',
        b'{"kind":"restart","issued_at_ms":1,"expires_at_ms":2,"issuer":"x","more":1}',
        b" " * 20_000,
        b"[" * 15_000,
    ],
)
def test_what_is_no_command_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedMessage):
        commands.decode(payload)


def test_a_golden_command_is_read_and_written_as_it_is() -> None:
    times = b'"issued_at_ms":1795000000000,"expires_at_ms":1795000060000'
    golden = b'{"kind":"read_now","arguments":{},' + times + b',"issuer":"user:ada"}'
    assert commands.decode(golden) == GIVEN
    assert commands.encode(GIVEN) == golden


def test_a_result_survives_being_written_with_its_bundle() -> None:
    bundle = commands.packed_bundle({"log": ["x"] * 1000})
    result = Result(outcome=CommandOutcome.DONE, answer={"a": 1}, bundle=bundle, at_ms=1, session="s")
    assert commands.decode_result(commands.encode(result)) == result
    assert commands.unpacked_bundle(bundle) == b'{"log":[' + b",".join([b'"x"'] * 1000) + b"]}"


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b'{"outcome":"perhaps"}',
        b'{"outcome":"done","bundle":"&"}',
        b'{"outcome":"done","answer":{"a":' + b"[" * 800 + b"]" * 800 + b"}}",
        b'{"outcome":"done","answer":{"a":"' + b"x" * MAX_RESULT_BYTES + b'"}}',
        commands.encode(Result(outcome=CommandOutcome.DONE, bundle=bytes(MAX_BUNDLE_BYTES + 1))),
    ],
)
def test_what_is_no_result_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedMessage):
        commands.decode_result(payload)


def test_a_bundle_that_is_torn_or_unpacks_to_too_much_is_refused() -> None:
    whole = commands.packed_bundle({"log": ["x"] * 1000})
    bomb = commands.packed_bundle({"log": "x" * 9_000_000})
    for bundle in (whole[:-4], b"x" + whole, b"", bomb):
        with pytest.raises(MalformedMessage):
            commands.unpacked_bundle(bundle)


@pytest.mark.parametrize(
    ("now_ms", "reason"),
    [
        (NOW_MS, None),
        (NOW_MS - 60_000, None),
        (NOW_MS + 59_999, None),
        (None, Reason.CLOCK_UNKNOWN),
        (NOW_MS + 60_000, Reason.EXPIRED),
        (NOW_MS - 60_001, Reason.ISSUED_AHEAD),
    ],
)
def test_a_command_may_be_done_in_its_time(now_ms: int | None, reason: Reason | None) -> None:
    refused = commands.refusal(GIVEN, now_ms, 60_000)
    assert (refused and refused[0]) == reason
