"""Who is far away is not answered, nor is a stranger's page that gave its own name our address."""

import pytest

from siloscope_edge.page.admission import Admission
from siloscope_edge.page.page_settings import PageSettings
from siloscope_process.http_messages import Refused, Request

OWN = Admission(PageSettings(), "Yard-Pi.farm.example")
OPEN = Admission(PageSettings(allow=("100.64.0.0/10", "2001:db8::/32"), names=("silo.farm.example",)), "yard-pi")


def asked(peer: str = "192.168.1.7", host: str = "yard-pi.local:8180") -> Request:
    return Request("GET", "/", {}, {"host": host}, peer)


def status(admission: Admission, request: Request) -> int:
    try:
        admission.check(request)
    except Refused as error:
        return int(error.status)
    return 200


@pytest.mark.parametrize(
    "peer",
    ["8.8.8.8", "172.32.0.1", "100.64.0.1", "192.0.2.1", "2001:db8::1", "2a00::1", "::ffff:8.8.8.8", "::", "", "x"],
)
def test_who_is_far_away_is_refused(peer: str) -> None:
    assert status(OWN, asked(peer)) == 403


@pytest.mark.parametrize(
    "peer",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.7",
        "169.254.3.4",
        "::1",
        "fe80::1%eth0",
        "fd00::1",
        "::ffff:10.1.2.3",
    ],
)
def test_who_is_near_is_answered(peer: str) -> None:
    assert status(OWN, asked(peer)) == 200


def test_settings_admit_more() -> None:
    assert status(OPEN, asked("100.64.0.1")) == status(OPEN, asked("2001:db8::1")) == 200
    assert status(OPEN, asked("8.8.8.8")) == 403
    assert status(OPEN, asked(host="silo.farm.example")) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "yard-pi.evil.example",
        "localhost.evil.example",
        "10.0.0.7.evil.example",
        "",
        "[",
        "x:8180",
        "a:b",
        "silo.farm.example",
        "127.0.0.1.nip.example:8180",
        "xn--80ak6aa92e",
    ],
)
def test_a_name_that_is_not_ours_is_refused(host: str) -> None:
    assert status(OWN, asked(host=host)) == 421


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:8180",
        "YARD-PI.local",
        "yard-pi.farm.example.:8180",
        "192.168.1.5:8180",
        "10.0.0.1",
        "[fe80::1]:8180",
        "[::1]",
    ],
)
def test_our_names_and_any_address_are_answered(host: str) -> None:
    assert status(OWN, asked(host=host)) == 200


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        (PageSettings(listen="eth0"), ("listen",)),
        (PageSettings(listen="0.0.0.0/0"), ("listen",)),
        (PageSettings(allow=("10.0.0.0/8", "203.0.113.7/24")), ("allow", 1)),
        (PageSettings(allow=("everybody",)), ("allow", 0)),
    ],
)
def test_settings_that_cannot_be_meant_are_named(settings: PageSettings, place: tuple[str | int, ...]) -> None:
    wrong = settings.wrong()
    assert wrong is not None
    assert wrong[0] == place


def test_the_usual_settings_are_for_this_machine_alone() -> None:
    assert PageSettings().listen == "127.0.0.1"
    assert PageSettings().wrong() is None
