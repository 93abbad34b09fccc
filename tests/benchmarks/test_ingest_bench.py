"""`siloscope bench ingest` runs, and what it says adds up."""

import json

import pytest

from siloscope_process import command_line


@pytest.mark.postgres
@pytest.mark.nats
def test_a_short_run_measures_real_messages(capsys: pytest.CaptureFixture[str]) -> None:
    told = "bench ingest --seconds 1 --nodes 5 --rate 500 --broker nats --database postgres --json"
    assert command_line.main(told.split()) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["all_accounted"]
    assert found["rows_stored"] == found["rows_expected"] == found["messages"] + 5
    assert found["readings_per_s"] == pytest.approx(found["messages_per_s"] * 20)
    assert 100 < found["messages"] <= 500
    assert found["copy_rows_per_s"] > found["samples_per_s"] > 0
    assert found["consumer_cpu_us_per_message"] > 0
    assert found["consumer_peak_memory_mib"] > 10
