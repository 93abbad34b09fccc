"""`siloscope bench edge` and `bench drain-edge` run, and what they say adds up."""

import json
from typing import Any

import pytest

from siloscope_process import command_line

pytestmark = [pytest.mark.postgres, pytest.mark.mosquitto]


def found(told: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    command_line.main(f"bench {told} --database postgres --json".split())  # a busy machine meets no goal
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_an_agent_is_measured_beside_bare_pymodbus(capsys: pytest.CaptureFixture[str]) -> None:
    result = found("edge --seconds 3 --devices 3 --no-highest --week-hours 2 --day-minutes 0.25", capsys)
    fewer, more = result["measured"]
    assert (fewer["requests_per_s"], more["requests_per_s"]) == (6, 39)
    for each in (fewer, more):
        assert each["good"] == 1.0
        assert each["samples"] >= 3
        assert 0 < each["readings_per_s"] < 330
        assert 0 < each["share"] < 1
        assert 0 < each["bare_share"] < 1
        assert each["times_bare"] == pytest.approx(each["share"] / each["bare_share"])
        assert each["memory_mib"] > 20
        assert 0 < each["first_sample_s"] < 60
    assert result["highest"] is None
    assert 10 < result["memory_in_time"]["hour_mib"] <= result["memory_in_time"]["end_mib"] + 5
    day = result["day"]
    assert day["readings"] == 25 * 8 * 8640
    assert day["sent_bytes"] > 100_000
    assert day["share"] < 1


def test_a_backlog_of_an_agent_is_stored_to_the_last_sample(capsys: pytest.CaptureFixture[str]) -> None:
    result = found("drain-edge --hours 1", capsys)
    assert result["backlog_packs"] == 720
    assert result["backlog_readings"] == 360 * 11 * 8
    assert result["all_stored"]
    assert result["readings_per_s"] == pytest.approx(result["packs_per_s"] * 44)
