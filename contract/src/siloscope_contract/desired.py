"""The configuration that a node should have, as it is told, and what the node says of it. All JSON.

What may be said stands in a document: those parts of the node's own file that may be set from afar. Who the node is,
its credential, the broker's host and all about its machine are set at the site alone, so no secret ever travels here.
"""

from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from siloscope_contract.errors import MalformedMessage, shortened
from siloscope_contract.storable import require_storable
from siloscope_contract.topics import NodeName

MAX_DESIRED_BYTES = 128 * 1024
"""Every broker takes a message of this size."""
MAX_DOCUMENT_BYTES = MAX_DESIRED_BYTES - 16 * 1024
"""Of a document, with room for what stands around it."""
LONGEST_CONFIRM_S = 3600.0
MAX_REASONS = 20
HIGHEST_VERSION = 2_000_000_000
"""What a database counts to, and some more: whoever claims to know a higher one is not believed."""
_LONGEST_REASON = 500
_SHOWN = 60

SECTIONS = ("buses", "mqtt")
"""Parts of the file that a document may have."""
MQTT_FIELDS = (
    "port",
    "version",
    "keepalive_s",
    "heartbeat_s",
    "unacknowledged_packs",
    "uncommitted_packs",
    "backlog_packs_per_s",
    "resend_after_s",
    "probe_after_s",
)
"""What of ``mqtt`` it may have: never the host, so that a password goes to no other; neither credential nor TLS."""


class Desired(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One version of what a node should be.

    Attributes:
        version: Grows with each change; the platform gives it.
        node: Full name of the node it is meant for.
        document: What differs from the node's own file; empty: nothing does.
        confirm_within_s: How long the link and the devices may take to come up before the node goes back by itself.
        may_be_silent: Devices that need not answer, since they are not there yet.
        issued_at_ms: When it was set.
        issuer: Who set it.
    """

    version: Annotated[int, Meta(ge=1, le=HIGHEST_VERSION)]
    node: str
    document: dict[str, Any]
    confirm_within_s: Annotated[float, Meta(ge=1, le=LONGEST_CONFIRM_S)] = 120.0
    may_be_silent: tuple[str, ...] = ()
    issued_at_ms: int | None = None
    issuer: str = ""


class Outcome(StrEnum):
    """What a node made of a version."""

    NONE = "none"  # it was never told any
    TRYING = "trying"  # in force, and not confirmed yet
    APPLIED = "applied"
    REFUSED = "refused"  # never in force: see the reasons
    ROLLED_BACK = "rolled_back"  # was in force, the link or a device did not come up, and the one before is again
    SET_ASIDE = "set_aside"  # was in force until the file at the site was edited, or no longer fitted to it


class ConfigState(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says of its configuration.

    Attributes:
        outcome: What became of the newest version that it was told.
        desired: That version; None: none yet.
        in_force: The version that counts now, on top of the file at the site; None: the file alone.
        reasons: Why it was refused, rolled back or set aside; each one sentence with place, found and expected.
        complaint: What was wrong with the last message, where it was no version to decide about: not to be read, of
            another node, older than one before.
        file: Fingerprint of those parts of the file at the site that may be set from afar.
        running: Fingerprint of the same parts as they count now; nodes that agree in it are configured alike.
        at_ms: When the outcome came about, where the node's clock was known.
        session: Of the agent that says so.
    """

    outcome: Outcome
    desired: Annotated[int, Meta(ge=1, le=HIGHEST_VERSION)] | None = None
    in_force: int | None = None
    reasons: tuple[str, ...] = ()
    complaint: str = ""
    file: str = ""
    running: str = ""
    at_ms: int | None = None
    session: str = ""


def encode(message: Desired | ConfigState) -> bytes:
    """Return the message as JSON; a state's reasons are bounded."""
    if isinstance(message, ConfigState):
        reasons = tuple(shortened_reason(each) for each in message.reasons[:MAX_REASONS])
        message = msgspec.structs.replace(message, reasons=reasons, complaint=shortened_reason(message.complaint))
    return msgspec.json.encode(message)


def shortened_reason(text: str) -> str:
    """Return a reason that fits beside others."""
    return text if len(text) <= _LONGEST_REASON else text[: _LONGEST_REASON - 1] + "…"


def decode(payload: bytes, node: NodeName) -> Desired:
    """Read a desired configuration.

    Raises:
        MalformedMessage: It is none, is too large, or is meant for another node.
    """
    place = "desired configuration"
    if len(payload) > MAX_DESIRED_BYTES:
        expected = f"at most {MAX_DESIRED_BYTES} bytes"
        raise MalformedMessage("too_large", place=place, found=f"{len(payload)} bytes", expected=expected)
    try:
        desired = msgspec.json.decode(payload, type=Desired)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedMessage("malformed", place=place, found=payload[:_SHOWN], expected=str(error)) from error
    if desired.node != str(node):
        raise MalformedMessage("wrong_node", place=f"{place}, node", found=desired.node, expected=str(node))
    return desired


def decode_state(payload: bytes) -> ConfigState:
    """Read what a node says of its configuration.

    Raises:
        MalformedMessage: It is nothing of the kind.
    """
    try:
        return msgspec.json.decode(payload, type=ConfigState)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        expected = str(error)
        raise MalformedMessage("malformed", place="config state", found=payload[:_SHOWN], expected=expected) from error


def require_sections(document: dict[str, Any]) -> None:
    """Refuse a document that says something which only the file at the site may say, or that cannot be stored.

    Raises:
        MalformedMessage: At which place.
    """
    require_storable(document, "document", MAX_DOCUMENT_BYTES)
    _require_known(document, SECTIONS, "document")
    mqtt = document.get("mqtt", {})
    if not isinstance(mqtt, dict):
        raise MalformedMessage("malformed", place="document.mqtt", found=shortened(mqtt), expected="a mapping")
    _require_known(mqtt, MQTT_FIELDS, "document.mqtt")


def _require_known(found: dict[str, Any], known: tuple[str, ...], place: str) -> None:
    for name in found:
        if name not in known:
            expected = f"what may be set from afar: {', '.join(known)}"
            raise MalformedMessage("not_from_afar", place=place, found=name, expected=expected)
