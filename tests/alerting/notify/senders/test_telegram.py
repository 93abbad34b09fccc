"""Telegram, as its protocol says."""

import httpx2
import pytest

from siloscope_alerting.errors import TryAgain, Undeliverable
from siloscope_alerting.notify.senders.telegram import TelegramSender
from siloscope_contract.alerts.routes import Channel
from tests.alerting.notify.fake_telegram import TOKEN, FakeTelegram
from tests.alerting.notify.senders.messages import rendered

CHANNEL = Channel(channel="cab", kind="telegram", to=("42",))
SECRETS = {"token": TOKEN}
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@pytest.fixture
def sender(client: httpx2.AsyncClient, fake_telegram: FakeTelegram) -> TelegramSender:
    return TelegramSender(client, fake_telegram.url)


async def test_a_message_has_a_bold_title_escaped_text_and_buttons(
    sender: TelegramSender, fake_telegram: FakeTelegram
) -> None:
    links = {"acknowledge": "https://farm.example/a/x", "open": "https://farm.example/alerts/5"}
    labels = {"acknowledge": "I have it", "open": "Open"}
    await sender.send(CHANNEL, SECRETS, rendered(links=links, labels=labels, button="ack:5:abcd"))
    (sent,) = fake_telegram.sent
    assert sent.text == "<b>Warning: Bin 7: Too hot</b>\n\n- Bin 7, 31.2 °C &lt; 40 &amp; rising"
    assert sent.buttons == [
        {"text": "I have it", "callback_data": "ack:5:abcd"},
        {"text": "Open", "url": "https://farm.example/alerts/5"},
    ]


async def test_a_link_that_telegram_would_refuse_is_left_out(
    sender: TelegramSender, fake_telegram: FakeTelegram
) -> None:
    await sender.send(CHANNEL, SECRETS, rendered(links={"open": "http://localhost:8080/alerts/5"}))
    assert fake_telegram.sent[0].buttons == []


async def test_a_chart_comes_with_its_words_as_one_message(sender: TelegramSender, fake_telegram: FakeTelegram) -> None:
    await sender.send(CHANNEL, SECRETS, rendered(picture_png=PNG))
    (sent,) = fake_telegram.sent
    assert sent.photo == PNG
    assert "31.2 °C" in sent.text


async def test_words_that_are_too_many_for_a_caption_go_without_the_chart(
    sender: TelegramSender, fake_telegram: FakeTelegram
) -> None:
    await sender.send(CHANNEL, SECRETS, rendered(text="ї" * 2_000, picture_png=PNG))
    await sender.send(CHANNEL, SECRETS, rendered(text="ї" * 9_000))
    assert [sent.photo for sent in fake_telegram.sent] == [None, None]
    assert fake_telegram.sent[1].text.endswith("…")


async def test_its_limit_is_kept(sender: TelegramSender, fake_telegram: FakeTelegram) -> None:
    fake_telegram.limit = 17
    with pytest.raises(TryAgain, match="429") as limited:
        await sender.send(CHANNEL, SECRETS, rendered())
    assert limited.value.after_s == 17
    fake_telegram.limit = None
    await sender.send(CHANNEL, SECRETS, rendered())
    assert len(fake_telegram.sent) == 1


async def test_a_chat_that_has_it_is_not_sent_it_again(sender: TelegramSender, fake_telegram: FakeTelegram) -> None:
    both = Channel(channel="cab", kind="telegram", to=("42", "43"))
    fake_telegram.chats.add("43")
    fake_telegram.busy.add("43")
    with pytest.raises(TryAgain, match="chat 43: sendMessage: 500"):
        await sender.send(both, SECRETS, rendered())
    fake_telegram.busy.clear()
    await sender.send(both, SECRETS, rendered())
    assert [sent.chat for sent in fake_telegram.sent] == ["42", "43"]


async def test_a_chat_that_refuses_keeps_it_from_no_other(sender: TelegramSender, fake_telegram: FakeTelegram) -> None:
    fake_telegram.blocked.add("41")
    with pytest.raises(Undeliverable, match="chat 41: sendMessage: 403"):
        await sender.send(Channel(channel="cab", kind="telegram", to=("41", "42")), SECRETS, rendered())
    assert [sent.chat for sent in fake_telegram.sent] == ["42"]


async def test_a_group_that_moved_to_where_it_is_ends(sender: TelegramSender, fake_telegram: FakeTelegram) -> None:
    fake_telegram.moved["42"] = 42
    with pytest.raises(Undeliverable, match="upgraded"):
        await sender.send(CHANNEL, SECRETS, rendered())


async def test_a_group_that_became_a_supergroup_is_found(sender: TelegramSender, fake_telegram: FakeTelegram) -> None:
    fake_telegram.moved["42"] = -100_42
    fake_telegram.chats.add("-10042")
    await sender.send(CHANNEL, SECRETS, rendered())
    assert fake_telegram.sent[0].chat == "-10042"


async def test_an_unknown_chat_is_refused_for_good(sender: TelegramSender) -> None:
    with pytest.raises(Undeliverable, match="chat not found"):
        await sender.send(Channel(channel="cab", kind="telegram", to=("99",)), SECRETS, rendered(picture_png=PNG))


async def test_a_wrong_token_waits_for_somebody_to_mend_it_and_is_never_told(sender: TelegramSender) -> None:
    with pytest.raises(TryAgain, match="401") as refused:
        await sender.send(CHANNEL, {"token": "1:wrong-token"}, rendered())
    assert "wrong-token" not in str(refused.value)


async def test_a_service_that_is_away_is_tried_again_without_telling_the_token(client: httpx2.AsyncClient) -> None:
    with pytest.raises(TryAgain) as away:
        await TelegramSender(client, "http://127.0.0.1:9").send(CHANNEL, SECRETS, rendered())
    assert TOKEN not in str(away.value)


@pytest.mark.parametrize(("channel", "secrets"), [(CHANNEL, {}), (Channel(channel="cab", kind="telegram"), SECRETS)])
async def test_a_channel_that_lacks_something_says_what(
    sender: TelegramSender, channel: Channel, secrets: dict[str, str]
) -> None:
    with pytest.raises(Undeliverable, match="has no"):
        await sender.send(channel, secrets, rendered())
