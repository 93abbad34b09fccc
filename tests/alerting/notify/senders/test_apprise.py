"""Apprise's services, by the one that needs nobody: JSON to a receiver of this machine."""

import msgspec
import pytest

from siloscope_alerting.errors import TryAgain, Undeliverable
from siloscope_alerting.notify.senders.apprise import AppriseSender
from siloscope_contract.alerts.routes import Channel
from tests.alerting.notify.receiver import Answer, Receiver, Request
from tests.alerting.notify.senders.messages import rendered

# Apprise imports all its plugins at once, and one of them a module that Python 3.13 no longer has.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
CHANNEL = Channel(channel="any", kind="apprise")


async def test_title_text_and_severity_arrive(receiver: Receiver) -> None:
    await AppriseSender().send(CHANNEL, {"url": f"json://127.0.0.1:{receiver.port}/in"}, rendered())
    told = msgspec.json.decode(receiver.requests[0].body)
    assert told["title"] == "Warning: Bin 7: Too hot"
    assert told["message"] == "- Bin 7, 31.2 °C < 40 & rising"


async def test_a_service_that_does_not_take_it_is_tried_again(receiver: Receiver) -> None:
    async def answer(_request: Request) -> Answer:
        return Answer(500)

    receiver.answer = answer
    with pytest.raises(TryAgain):
        await AppriseSender().send(CHANNEL, {"url": f"json://127.0.0.1:{receiver.port}"}, rendered())


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "nosuchservice://host", "syslog://", "dbus://", "windows://", " syslog://", "json://a, syslog://"],
)
async def test_a_url_that_reaches_nobody_is_refused(url: str) -> None:
    with pytest.raises(Undeliverable, match="channel any"):
        await AppriseSender().send(CHANNEL, {"url": url}, rendered())
