"""Links and buttons: what is ours is read again, what is forged, torn or old is not."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_contract.alerts.links import LIFETIME_S, LinkRefused, Tap, button, link, pressed, read, sign

KEY = b"k" * 32
TAP = Tap(7, "acknowledge", "cab", told_s=1_000, expires_s=1_000 + LIFETIME_S)


@given(
    st.builds(
        Tap,
        alert_id=st.integers(1, 2**63 - 1),
        deed=st.sampled_from(["acknowledge", "snooze"]),
        reader=st.text(max_size=64),
        told_s=st.integers(0, 2**33),
        expires_s=st.integers(1, 2**33),
        snooze_s=st.integers(0, 10**6),
    )
)
def test_a_link_says_what_it_was_signed_for(tap: Tap) -> None:
    assert read(KEY, sign(KEY, tap), now_s=tap.expires_s - 1) == tap


def test_a_link_fits_into_an_address() -> None:
    address = link("https://silo.example/", KEY, TAP)
    assert address == f"https://silo.example/a/{sign(KEY, TAP)}"
    assert len(address) < 120


def test_a_link_ends() -> None:
    token = sign(KEY, TAP)
    assert read(KEY, token, now_s=TAP.expires_s - 0.5) == TAP
    with pytest.raises(LinkRefused, match="run out"):
        read(KEY, token, now_s=TAP.expires_s)


def test_every_changed_bit_is_noticed() -> None:
    signed = bytearray(urlsafe_b64decode(sign(KEY, TAP) + "=="))
    for position in range(len(signed) * 8):
        signed[position // 8] ^= 1 << position % 8
        with pytest.raises(LinkRefused):
            read(KEY, urlsafe_b64encode(signed).decode().rstrip("="), now_s=0)
        signed[position // 8] ^= 1 << position % 8


@pytest.mark.parametrize("token", ["", "a", "=", "%", "дім", "A" * 5_000, sign(b"another", TAP)])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(LinkRefused):
        read(KEY, token, now_s=0)


def test_a_refusal_says_nothing_of_the_token() -> None:
    with pytest.raises(LinkRefused) as refused:
        read(KEY, sign(b"another", TAP), now_s=0)
    assert sign(b"another", TAP) not in str(refused.value)


@pytest.mark.parametrize("alert_id", [1, 2**63 - 1])
def test_a_button_fits_into_what_telegram_takes(alert_id: int) -> None:
    assert len(button(KEY, alert_id).encode()) <= 64
    assert pressed(KEY, button(KEY, alert_id)) == alert_id


@pytest.mark.parametrize(
    "data",
    [
        "",
        "ack",
        "ack:7",
        "ack:7:",
        "ack:7:0000000000000000",
        "ack:-7:x",
        "ack:٧:x",
        "ack:" + "9" * 30 + ":x",
        "act:7:x",
    ],
)
def test_a_button_that_is_not_ours_is_refused(data: str) -> None:
    with pytest.raises(LinkRefused):
        pressed(KEY, data)


def test_a_buttons_signature_is_of_its_alert_and_no_links() -> None:
    _, _, mac = button(KEY, 7).rpartition(":")
    with pytest.raises(LinkRefused):
        pressed(KEY, f"ack:8:{mac}")
    with pytest.raises(LinkRefused):
        pressed(KEY, f"ack:7:{sign(KEY, TAP)[-16:]}")
