"""`siloscope alerting` as processes: one evaluates, the other takes over; frozen, stopped, and told nonsense."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from siloscope_deploy.servers.ports import free_port
from tests.alerting.conftest import AlertFarm
from tests.ingest.waiting import eventually

COMMAND = [sys.executable, "-c", "import sys; from siloscope_process.command_line import main; sys.exit(main())"]
TAKES_OVER_WITHIN_S = 10.0


@asynccontextmanager
async def alerting(log: Path, **told: str) -> AsyncIterator[Process]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SILOSCOPE_")}
    environ |= {f"SILOSCOPE_{name.upper()}": value for name, value in {"log": "json", **told}.items()}
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(*COMMAND, "alerting", env=environ, stderr=stderr)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.wait()


def holder(farm: AlertFarm) -> int | None:
    """Return the process that holds the lease."""
    row = farm.connection.execute(
        "SELECT split_part(holder, ':', 2)::int FROM alert_evaluator WHERE lease_until > clock_timestamp()"
    ).fetchone()
    return None if row is None else int(row[0])


@pytest.mark.parametrize("database_home", ["postgres"], indirect=True)
async def test_another_takes_over_from_one_that_is_frozen_or_stopped(alert_farm: AlertFarm, tmp_path: Path) -> None:
    farm, logs = alert_farm, [tmp_path / "one.log", tmp_path / "two.log"]
    told = {"database_url": farm.url}
    async with alerting(logs[0], ops_port=str(free_port()), **told) as one:
        await eventually(lambda: holder(farm) == one.pid, logs[0].read_text)
        async with alerting(logs[1], ops_port=str(free_port()), **told) as two:
            await eventually(lambda: "stands_by" in logs[1].read_text(), logs[1].read_text)
            one.send_signal(signal.SIGSTOP)
            await eventually(lambda: holder(farm) == two.pid, logs[1].read_text, TAKES_OVER_WITHIN_S)
            one.send_signal(signal.SIGCONT)
            await eventually(lambda: "is over" in logs[0].read_text(), logs[0].read_text)
            assert holder(farm) == two.pid
            two.send_signal(signal.SIGTERM)
            assert await two.wait() == 0
            await eventually(lambda: holder(farm) == one.pid, logs[0].read_text, 5)
        one.send_signal(signal.SIGTERM)
        assert await one.wait() == 0
    assert holder(farm) is None


@pytest.mark.parametrize("database_home", ["postgres"], indirect=True)
async def test_a_mail_server_that_cannot_be_meant_stops_it(alert_farm: AlertFarm, tmp_path: Path) -> None:
    log = tmp_path / "log"
    async with alerting(log, database_url=alert_farm.url, smtp_url="http://mail") as process:
        assert await process.wait() == 78
    assert "SILOSCOPE_SMTP_URL" in log.read_text()
