"""`siloscope mirror` as people run it: a process that is killed, and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from siloscope_process import command_line
from siloscope_process.clock import to_ms
from siloscope_store.connections import connect
from tests.ingest.mirror.fake_influx import TOKEN, FakeInflux, fake_influx
from tests.ingest.waiting import eventually
from tests.store.farm import Farm

SIX = datetime(2026, 2, 1, 6, tzinfo=UTC)
SAMPLES = 5_000


@contextmanager
def mirroring(environ: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command in a process of its own."""
    code = "import sys; from siloscope_process.command_line import main; sys.exit(main(['mirror']))"
    with log.open("ab") as opened:
        process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **environ}, stderr=opened)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.mark.postgres
async def test_a_mirror_that_is_killed_goes_on(migrated_postgres_url: str, tmp_path: Path) -> None:
    with connect(migrated_postgres_url, autocommit=True) as owner:
        farm = Farm(owner, "ours")
        group = farm.group("head", [("t1", "temperature", "Cel")])
        rows: Any = [(SIX + timedelta(seconds=each), [float(each)], None) for each in range(SAMPLES)]
        farm.samples(group, rows)
        to = SIX + timedelta(days=1)
        owner.execute("INSERT INTO rollup_horizon (closed_to, settled_to) VALUES (%s, %s)", (to, to))
    token, log = tmp_path / "token", tmp_path / "log"
    token.write_text(f"{TOKEN}\n")
    with fake_influx() as influx:
        environ = {
            "SILOSCOPE_DATABASE_URL": migrated_postgres_url,
            "SILOSCOPE_MIRROR_URL": influx.url,
            "SILOSCOPE_MIRROR_ORG": "farm",
            "SILOSCOPE_MIRROR_BUCKET": "silo",
            "SILOSCOPE_MIRROR_TOKEN_FILE": str(token),
            "SILOSCOPE_MIRROR_SINCE": SIX.isoformat(),
            "SILOSCOPE_MIRROR_POINTS": "100",
            "SILOSCOPE_LOG": "json",
        }
        for enough in (300, 2_500):
            with mirroring(environ, log) as process:
                await eventually(lambda enough=enough: len(influx.points) >= enough, lambda: len(influx.points), 60)  # type: ignore[misc]
                process.send_signal(signal.SIGKILL)
                process.wait()
        with mirroring(environ, log) as process:
            await eventually(lambda: len(influx.points) == SAMPLES, lambda: len(influx.points), 60)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        assert _seconds(influx) == list(range(SAMPLES))
    assert TOKEN not in log.read_text()


def _seconds(influx: FakeInflux) -> list[int]:
    return sorted((time - to_ms(SIX)) // 1000 for _, time in influx.points)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"SILOSCOPE_MIRROR_URL": ""}, "SILOSCOPE_MIRROR_URL is not set"),
        ({"SILOSCOPE_MIRROR_URL": "influx:8086"}, "SILOSCOPE_MIRROR_URL is 'influx:8086'"),
        ({"SILOSCOPE_MIRROR_SINCE": "2026-01-01"}, "SILOSCOPE_MIRROR_SINCE"),
        ({"SILOSCOPE_MIRROR_TOKEN_FILE": "/nowhere"}, "SILOSCOPE_MIRROR_TOKEN_FILE: cannot read /nowhere"),
    ],
)
def test_what_is_wrong_with_a_setting_is_said(
    change: dict[str, str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {
        "SILOSCOPE_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        "SILOSCOPE_MIRROR_URL": "http://127.0.0.1:9",
        "SILOSCOPE_MIRROR_BUCKET": "silo",
        "SILOSCOPE_MIRROR_TOKEN": TOKEN,
    }
    assert command_line.main(["mirror"], {**environ, **change}) == 78
    shown = capsys.readouterr().err
    assert told in shown
    assert TOKEN not in shown
