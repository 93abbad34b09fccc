"""`siloscope bench ingest` and `bench drain` run, and what they say adds up."""

import json
from typing import Any

import pytest

from siloscope_process import command_line

pytestmark = [pytest.mark.postgres, pytest.mark.mosquitto]
ON_POSTGRES = "--broker mosquitto --database postgres --json"


def found(told: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert command_line.main(f"bench {told} {ON_POSTGRES}".split()) == 0
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_a_short_run_measures_real_messages(capsys: pytest.CaptureFixture[str]) -> None:
    result = found("ingest --seconds 1 --nodes 5 --rate 500 --broker-seconds 0.3", capsys)
    assert result["all_accounted"]
    assert result["rows_stored"] == result["rows_expected"] == result["messages"] + 5
    assert result["readings_per_s"] == pytest.approx(result["messages_per_s"] * 20)
    assert 0 < result["messages"] <= 500
    assert result["copy_rows_per_s"] > 0
    assert result["samples_per_s"] > 0
    assert result["broker_messages_per_s"] > 0
    assert result["consumer_cpu_us_per_message"] > 0
    assert result["consumer_peak_memory_mib"] > 10
    latency = result["latency"]
    assert 0 <= latency["p50_ms"] <= latency["p99_ms"] <= latency["most_ms"]
    assert latency["samples"] > 0
    assert result["disk"]["samples"] > 0
    assert 0 < result["disk"]["p50_ms"] <= result["disk"]["most_ms"]


@pytest.mark.parametrize("plain", ["absolute", "relative"])
def test_a_run_of_plain_devices_measures_real_messages(plain: str, capsys: pytest.CaptureFixture[str]) -> None:
    result = found(f"ingest --plain {plain} --seconds 1 --nodes 50 --rate 200 --broker-seconds 0", capsys)
    assert result["all_accounted"]
    assert result["rows_stored"] + result["conflicts"] == result["rows_expected"] == result["messages"] + 50
    assert result["readings_per_s"] == pytest.approx(result["messages_per_s"])


def test_a_run_with_jobs_beside_it_announces_its_nodes(capsys: pytest.CaptureFixture[str]) -> None:
    result = found("ingest --minutes 0.02 --nodes 5 --samples 3 --rate 50 --broker-seconds 0", capsys)
    assert result["all_accounted"]
    assert result["rows_stored"] == result["rows_expected"]
    assert result["cpu_share"]["jobs"] > 0


def test_a_backlog_is_drained_beside_live_samples(capsys: pytest.CaptureFixture[str]) -> None:
    result = found("drain --seconds 0.5 --nodes 2 --backlog 60000 --live-rate 20", capsys)
    assert result["all_accounted"]
    assert result["backlog_messages"] == 3000
    assert result["waited_in_broker"] == 1500
    assert result["drained_messages_per_s"] > 0
