"""A device that knows nothing of Siloscope but how to publish: announced nowhere, and shown at once."""

import json
import os
import shutil
import subprocess

import pytest

from siloscope_contract.topics import Kind, NodeName, Topic
from siloscope_gateway.principals import Principal
from tests.components import component_missing
from tests.system.pairs import PAIRS
from tests.system.platform import Platform, wait_until
from tests.system.served import Served
from tests.system.stored import quarantined

pytestmark = pytest.mark.system

DEVICE = NodeName.of("demo", "north-farm", "shop-probe")
PACK = [{"bn": "probe/", "n": "temperature", "u": "Cel", "v": 4.5}, {"n": "humidity", "u": "%RH", "v": 81}]
FAILED = [{"bn": "probe/", "n": "temperature", "vs": "sensor_missing", "q": 202}]
SHOWN_WITHIN_S = 2.0

Shown = dict[str, tuple[float | None, str]]


@pytest.mark.parametrize("platform", PAIRS.values(), indirect=True)
def test_what_mosquitto_pub_sends_behind_a_bad_message_is_in_the_api_within_two_seconds(platform: Platform) -> None:
    platform.edge.stop()  # what is measured is the way of one message, not what else this machine does
    served = platform.served()
    publish(platform, "[{")
    publish(platform, json.dumps(PACK))
    expected: Shown = {"temperature": (4.5, "good"), "humidity": (81.0, "good")}
    wait_until(lambda: shown(served) == expected, "the device is shown", SHOWN_WITHIN_S)
    publish(platform, json.dumps(FAILED))
    expected["temperature"] = (None, "bad")
    wait_until(lambda: shown(served) == expected, "its failure is shown, not its old value", SHOWN_WITHIN_S)
    served.close()
    assert quarantined(platform.database.url) == ["malformed"]


def publish(platform: Platform, message: str) -> None:
    program = shutil.which("mosquitto_pub")
    if program is None:
        component_missing(dict(os.environ), "mosquitto_pub", "apt-get install mosquitto-clients")
    credential = platform.broker.credential(Principal.of_site(DEVICE.org, DEVICE.site))
    login = ["-u", credential.username, "-P", credential.password]
    address = ["-h", "127.0.0.1", "-p", str(platform.broker.port), "-q", "1"]
    topic = Topic(DEVICE, Kind.SAMPLES).text()
    subprocess.run([program, *address, *login, "-t", topic, "-m", message], check=True, timeout=10)


def shown(served: Served) -> Shown:
    """Return value and quality of the device's channels that have any, as the API shows them."""
    own = [channel for channel in served.channels() if channel["node"]["slug"] == DEVICE.node and channel["latest"]]
    return {channel["key"]: (channel["latest"]["value"], channel["latest"]["quality"]) for channel in own}
