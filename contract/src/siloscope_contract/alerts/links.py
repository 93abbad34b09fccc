"""What a message may carry so that its reader acts with one tap: tokens of links, and the data of Telegram's buttons.

Both are signed with the evaluator's key, and say for themselves what they allow: nothing is stored for them.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from hashlib import sha256
from typing import Literal

import msgspec

from siloscope_contract.errors import ContractError

LIFETIME_S = 7 * 86_400
_MAC_BYTES = 16
_BUTTON_MAC_DIGITS = 16
_PATH = "/a/"

Deed = Literal["acknowledge", "snooze"]


class LinkRefused(ContractError):
    """A token is forged, torn or has run out; which of them is nobody's business but the log's."""

    def __init__(self, why: str) -> None:
        super().__init__("link_refused", place="link", found=why, expected="a link of a message of the last seven days")


class Tap(msgspec.Struct, frozen=True, array_like=True):
    """What one link allows.

    Attributes:
        alert_id: The alert that the message is about, or the worst of them.
        deed: What a tap does.
        reader: Who was told, for the history: the notification channel's slug.
        told_s: When the message was made, in whole epoch seconds: what had fired for the same cause by the end of that
            second is meant too.
        expires_s: Epoch seconds.
        snooze_s: For how long, where the deed is to snooze.
    """

    alert_id: int
    deed: Deed
    reader: str
    told_s: int
    expires_s: int
    snooze_s: int = 0


def link(public_url: str, key: bytes, tap: Tap) -> str:
    """Return the address that a message shows."""
    return f"{public_url.rstrip('/')}{_PATH}{sign(key, tap)}"


def sign(key: bytes, tap: Tap) -> str:
    """Return the token of a tap: its words and their HMAC-SHA256, shortened to 128 bits, in base64 for URLs."""
    words = msgspec.msgpack.encode(tap)
    return urlsafe_b64encode(words + _mac(key, b"link", words)[:_MAC_BYTES]).decode().rstrip("=")


def read(key: bytes, token: str, *, now_s: float) -> Tap:
    """Return what a token allows.

    Raises:
        LinkRefused: Its signature is not ours, or it has run out.

    >>> read(b"k", sign(b"k", Tap(7, "acknowledge", "cab", 0, 100)), now_s=99).alert_id
    7
    """
    try:
        signed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (NotBase64, ValueError) as error:
        raise LinkRefused("no token") from error
    words, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, b"link", words)[:_MAC_BYTES]):
        raise LinkRefused("a signature that is not ours")
    try:
        tap = msgspec.msgpack.decode(words, type=Tap)
    except msgspec.DecodeError as error:
        raise LinkRefused("words of another version") from error
    if now_s >= tap.expires_s:
        raise LinkRefused("a link that has run out")
    return tap


def button(key: bytes, alert_id: int) -> str:
    """Return the callback data of Telegram's button that acknowledges: at most 64 bytes, as Telegram demands."""
    return f"ack:{alert_id}:{_button_mac(key, alert_id)}"


def pressed(key: bytes, data: str) -> int:
    """Return which alert a pressed button is about.

    Raises:
        LinkRefused: It is none of ours.

    >>> pressed(b"k", button(b"k", 7))
    7
    """
    word, _, rest = data.partition(":")
    number, _, mac = rest.partition(":")
    if word != "ack" or not (number.isascii() and number.isdecimal()) or len(number) > 19:
        raise LinkRefused("no button of ours")
    if not hmac.compare_digest(mac.encode(), _button_mac(key, int(number)).encode()):
        raise LinkRefused("a signature that is not ours")
    return int(number)


def _button_mac(key: bytes, alert_id: int) -> str:
    return _mac(key, b"button", str(alert_id).encode()).hex()[:_BUTTON_MAC_DIGITS]


def _mac(key: bytes, what: bytes, words: bytes) -> bytes:
    return hmac.new(key, what + b"\0" + words, sha256).digest()
