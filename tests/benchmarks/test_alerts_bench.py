"""`siloscope bench alerts` runs, and what it says adds up."""

import json

import pytest

from siloscope_alerting.columns import Catalogue
from siloscope_alerting.engine.subjects import matched
from siloscope_alerting.engine.table import Table
from siloscope_benchmarks.alerts_bench import rules
from siloscope_process import command_line
from tests.alerting.engine.stand import channel


def test_one_rule_matches_everything_and_each_other_one_a_hundredth() -> None:
    table = Table(Catalogue([channel(each, node=f"a{each:06d}") for each in range(1, 1001)]))
    found = [len(matched(each.select, table, org_id=1)) for each in rules(200)]
    assert found == [1000] + [10] * 199
    assert len({each.rule for each in rules(200)}) == 200


@pytest.mark.postgres
@pytest.mark.mosquitto
def test_a_short_run_measures_real_rounds_and_real_mail(capsys: pytest.CaptureFixture[str]) -> None:
    told = "bench alerts --channels 2000 --rules 3 --rounds 2 --latency 2 --ingest-rate 0 --database postgres --json"
    command_line.main(told.split())
    result = json.loads(capsys.readouterr().out)
    (found,) = result["rounds"]
    assert (found["channels"], found["rules"], found["subjects"]) == (2000, 3, 2040)
    assert 0 < found["median_ms"] <= found["slowest_ms"]
    assert len(found["parts"]) == 3
    assert all(0 <= each <= found["slowest_ms"] for each in found["parts"].values())
    assert found["share_of_scan"] == pytest.approx(found["slowest_ms"] / found["scan_ms"])
    latency = result["latency"]
    assert latency["alerts"] == latency["mails"] == 2
    assert 0 < latency["p50_s"] <= latency["p99_s"] <= latency["most_s"]
    assert set(result["met"]) == {"round", "share_of_scan", "share_of_read", "latency"}
