"""Signed webhooks."""

import hashlib
import hmac

import httpx2
import msgspec
import pytest

from siloscope_alerting.errors import TryAgain, Undeliverable
from siloscope_alerting.notify.senders.webhook import MOST_BYTES, WebhookSender, body_of, genuine, sign
from siloscope_contract.alerts.routes import Channel
from siloscope_process.clock import ManualClock
from tests.alerting.notify.receiver import Answer, Receiver, Request
from tests.alerting.notify.senders.messages import KEY, rendered

SECRETS = {"secret": "shared"}


def channel(url: str) -> Channel:
    return Channel(channel="hook", kind="webhook", to=(url,))


async def test_a_request_is_signed_over_its_time_and_body(receiver: Receiver, client: httpx2.AsyncClient) -> None:
    clock = ManualClock()
    await WebhookSender(client, clock).send(channel(f"{receiver.url}/in?x=1"), SECRETS, rendered())
    (request,) = receiver.requests
    assert (request.method, request.path) == ("POST", "/in?x=1")
    stamp = request.headers["x-siloscope-timestamp"]
    assert stamp == str(clock.now_ms() // 1000)
    digest = hmac.new(b"shared", f"{stamp}.".encode() + request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-siloscope-signature"] == f"v1={digest}"
    assert request.headers["idempotency-key"] == str(KEY)
    told = msgspec.json.decode(request.body)
    assert told["notification_id"] == str(KEY)
    assert told["incident"] == {"incident_id": 7}


async def test_a_later_attempt_has_the_same_body_and_key_and_another_time(
    receiver: Receiver, client: httpx2.AsyncClient
) -> None:
    clock = ManualClock()
    for _ in range(2):
        await WebhookSender(client, clock).send(channel(receiver.url), SECRETS, rendered())
        clock.jump(60)
    one, other = receiver.requests
    assert one.body == other.body
    assert one.headers["idempotency-key"] == other.headers["idempotency-key"]
    assert one.headers["x-siloscope-signature"] != other.headers["x-siloscope-signature"]


@pytest.mark.parametrize(
    ("status", "refusal", "after_s"),
    [(204, None, None), (408, TryAgain, 7), (425, TryAgain, 7), (429, TryAgain, 7), (500, TryAgain, 7),
     (503, TryAgain, 7), (301, Undeliverable, None), (400, Undeliverable, None), (401, Undeliverable, None),
     (404, Undeliverable, None)],
)  # fmt: skip
async def test_what_the_answer_means(
    receiver: Receiver, client: httpx2.AsyncClient, status: int, refusal: type[Exception] | None, after_s: float | None
) -> None:
    async def answer(_request: Request) -> Answer:
        return Answer(status, b"", {"Retry-After": "7", "Location": receiver.url})

    receiver.answer = answer
    sending = WebhookSender(client, ManualClock()).send(channel(receiver.url), SECRETS, rendered())
    if refusal is None:
        await sending
    else:
        with pytest.raises(refusal) as raised:
            await sending
        assert getattr(raised.value, "after_s", None) == after_s
    assert len(receiver.requests) == 1, "redirections are not followed"


async def test_nobody_there_is_tried_again_without_telling_the_address(client: httpx2.AsyncClient) -> None:
    with pytest.raises(TryAgain) as away:
        await WebhookSender(client, ManualClock()).send(
            channel("http://127.0.0.1:9/token-in-path"), SECRETS, rendered()
        )
    assert "token-in-path" not in str(away.value)


@pytest.mark.parametrize(
    ("to", "secrets"), [((), SECRETS), (("ftp://x",), SECRETS), (("not a url",), SECRETS), (("http://x",), {})]
)
async def test_a_channel_that_cannot_be_meant_is_told_so(
    client: httpx2.AsyncClient, to: tuple[str, ...], secrets: dict[str, str]
) -> None:
    with pytest.raises(Undeliverable, match="channel hook"):
        await WebhookSender(client, ManualClock()).send(
            Channel(channel="hook", kind="webhook", to=to), secrets, rendered()
        )


def test_a_body_is_cut_to_what_receivers_take() -> None:
    alerts = [{"alert_id": number, "subject": "x" * 20_000} for number in range(50)]
    body = body_of(rendered(payload={"incident": {"incident_id": 7, "alerts": alerts}}))
    told = msgspec.json.decode(body)
    assert len(body) <= MOST_BYTES
    assert told["shortened"] is True
    assert 0 < len(told["incident"]["alerts"]) < 50
    huge = body_of(rendered(payload={"incident": {"facts": "x" * (MOST_BYTES + 1)}}))
    assert len(huge) <= MOST_BYTES
    assert msgspec.json.decode(huge)["title"] == rendered().title


@pytest.mark.parametrize(
    ("stamp", "age_s", "body", "good"),
    [("1000", 0, b"{}", True), ("1000", 299, b"{}", True), ("1000", -299, b"{}", True), ("1000", 301, b"{}", False),
     ("1000", 0, b"{ }", False), ("1e3", 0, b"{}", False)],
)  # fmt: skip
def test_a_receiver_knows_what_is_ours_and_new(stamp: str, age_s: float, body: bytes, *, good: bool) -> None:
    assert genuine("shared", stamp, sign("shared", stamp, b"{}"), body, now_s=1000 + age_s) is good
