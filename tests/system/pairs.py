"""The two pairs of broker and database that the platform is tested on."""

import pytest

PAIRS = {
    "nats-postgres": pytest.param(
        ("nats", "postgres"), marks=[pytest.mark.nats, pytest.mark.postgres], id="nats-postgres"
    ),
    "mosquitto-timescale": pytest.param(
        ("mosquitto", "timescale"), marks=[pytest.mark.mosquitto, pytest.mark.timescale], id="mosquitto-timescale"
    ),
}
