"""Commands to a node, and their results. All JSON; a command acts once, however often it is delivered."""

import zlib
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from siloscope_contract.errors import MalformedMessage
from siloscope_contract.names import is_slug
from siloscope_contract.storable import require_storable

MAX_COMMAND_BYTES = 16 * 1024
MAX_BUNDLE_BYTES = 96 * 1024
"""Of a bundle of diagnostics, compressed; with it the result stays below what every broker takes."""
MAX_RESULT_BYTES = 192 * 1024
"""Of a result with its bundle, as it travels: every broker takes it."""
MAX_UNPACKED_BUNDLE_BYTES = 4 * 1024 * 1024
LONGEST_LIFE_MS = 24 * 3_600_000
_SHOWN = 60


class CommandKind(StrEnum):
    """What a node can be told to do."""

    READ_NOW = "read_now"
    IDENTIFY = "identify"
    DOCTOR = "doctor"
    DIAGNOSTICS = "diagnostics"
    RESTART = "restart"


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing to do; its id stands in the topic.

    Attributes:
        arguments: By name, as the kind has them.
        issued_at_ms: When it was given.
        expires_at_ms: From then on it is not done any more.
        issuer: Who gave it.
    """

    kind: CommandKind
    arguments: dict[str, Any] = {}
    issued_at_ms: int
    expires_at_ms: int
    issuer: Annotated[str, Meta(min_length=1, max_length=200)]


class CommandOutcome(StrEnum):
    """How a command ended."""

    DONE = "done"
    FAILED = "failed"  # it was tried: see the detail
    REFUSED = "refused"  # nothing was done: see the reason


class Reason(StrEnum):
    """Why a command was refused, or failed."""

    MALFORMED = "malformed"
    EXPIRED = "expired"
    CLOCK_UNKNOWN = "clock_unknown"
    ISSUED_AHEAD = "issued_ahead"
    LIVES_TOO_LONG = "lives_too_long"
    NOT_SUPPORTED = "not_supported"
    TOO_MANY = "too_many"
    TOOK_TOO_LONG = "took_too_long"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a command.

    Attributes:
        reason: Of what was not done.
        detail: The same for people: place, found, expected.
        answer: What was asked for.
        bundle: Diagnostics: JSON, zlib-compressed; base64 on the wire.
        at_ms: When it ended, by the node's clock.
        session: Of the agent that says so.
    """

    outcome: CommandOutcome
    reason: Reason | None = None
    detail: str = ""
    answer: dict[str, Any] = {}
    bundle: bytes | None = None
    at_ms: int | None = None
    session: str = ""


def encode(message: Command | Result) -> bytes:
    """Return the message as JSON."""
    return msgspec.json.encode(message)


def decode(payload: bytes) -> Command:
    """Read a command.

    Raises:
        MalformedMessage: It is none, or too large.
    """
    if len(payload) > MAX_COMMAND_BYTES:
        expected = f"at most {MAX_COMMAND_BYTES} bytes"
        raise MalformedMessage("too_large", place="command", found=f"{len(payload)} bytes", expected=expected)
    try:
        return msgspec.json.decode(payload, type=Command)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedMessage("malformed", place="command", found=payload[:_SHOWN], expected=str(error)) from error


def decode_result(payload: bytes) -> Result:
    """Read a result.

    Raises:
        MalformedMessage: It is none, is too large, or says what no database takes.
    """
    try:
        result = msgspec.json.decode(payload, type=Result)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        expected = str(error)
        raise MalformedMessage(
            "malformed", place="command result", found=payload[:_SHOWN], expected=expected
        ) from error
    require_storable(result.answer, "command result, answer", MAX_RESULT_BYTES)
    if result.bundle is not None and len(result.bundle) > MAX_BUNDLE_BYTES:
        found, expected = f"{len(result.bundle)} bytes", f"at most {MAX_BUNDLE_BYTES} bytes"
        raise MalformedMessage("too_large", place="command result, bundle", found=found, expected=expected)
    return result


def packed_bundle(content: dict[str, Any]) -> bytes:
    """Return diagnostics as they travel."""
    return zlib.compress(msgspec.json.encode(content), 9)


def unpacked_bundle(bundle: bytes) -> bytes:
    """Return diagnostics as JSON.

    Raises:
        MalformedMessage: They are damaged, or unpack to too much.
    """
    unpacking = zlib.decompressobj()
    try:
        found = unpacking.decompress(bundle, MAX_UNPACKED_BUNDLE_BYTES)
    except zlib.error as error:
        raise MalformedMessage("malformed", place="bundle", found=bundle[:8], expected=f"zlib: {error}") from error
    if unpacking.unconsumed_tail or not unpacking.eof:
        expected = f"whole, and at most {MAX_UNPACKED_BUNDLE_BYTES} bytes unpacked"
        raise MalformedMessage("malformed", place="bundle", found=f"{len(bundle)} bytes", expected=expected)
    return found


def refusal(command: Command, now_ms: int | None, tolerance_ms: int) -> tuple[Reason, str] | None:
    """Say why a command may not be done now; None: it may.

    Args:
        command: Which.
        now_ms: The node's clock; None while it is not known to be right.
        tolerance_ms: How far the two clocks may be apart.
    """
    if command.expires_at_ms - command.issued_at_ms > LONGEST_LIFE_MS:
        lives_s = (command.expires_at_ms - command.issued_at_ms) / 1000
        return Reason.LIVES_TOO_LONG, f"found {lives_s:g} s, expected at most {LONGEST_LIFE_MS / 1000:g} s"
    if now_ms is None:
        return Reason.CLOCK_UNKNOWN, "the node's clock is not synchronised: whether the command still holds is unknown"
    if now_ms >= command.expires_at_ms:
        return Reason.EXPIRED, f"it expired {(now_ms - command.expires_at_ms) / 1000:.1f} s ago"
    if command.issued_at_ms > now_ms + tolerance_ms:
        return Reason.ISSUED_AHEAD, f"it was issued {(command.issued_at_ms - now_ms) / 1000:.1f} s from now"
    return None


def is_command_id(text: str) -> bool:
    """Say whether an id may stand in a topic and be remembered."""
    return is_slug(text)
