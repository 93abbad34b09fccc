"""systemd is told that the agent is ready, lives, and what ails it; a spool that hangs ends the signs of life."""

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from siloscope_edge.config import SpoolLimits
from siloscope_edge.keeper import Keeper
from siloscope_edge.metrics import Metrics
from siloscope_edge.spool import Spool
from siloscope_edge.supervision import Supervisor, report_life
from siloscope_process.clock import ManualClock
from siloscope_process.operations import Health


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(systemd: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(systemd.recv(4096).decode())
        except BlockingIOError:
            return found


@pytest.mark.parametrize(
    ("environ", "interval_s"),
    [
        ({}, 30),
        ({"WATCHDOG_USEC": "60000000"}, 20),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 20),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, 30),
        ({"WATCHDOG_USEC": "soon"}, 30),
        ({"WATCHDOG_USEC": "0"}, 30),
    ],
)
def test_signs_of_life_come_three_times_in_the_time_that_systemd_waits(
    environ: dict[str, str], interval_s: float
) -> None:
    assert Supervisor.of(environ).interval_s == interval_s


def test_nobody_listening_is_no_reason_to_stop(tmp_path: Path) -> None:
    Supervisor.of({}).tell("READY=1")
    Supervisor.of({"NOTIFY_SOCKET": str(tmp_path / "nobody")}).tell("READY=1")


def test_an_abstract_socket_is_reached_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0siloscope-{os.getpid()}")
        Supervisor.of({"NOTIFY_SOCKET": f"@siloscope-{os.getpid()}"}).tell("READY=1", "STATUS=well")
        assert listening.recv(100) == b"READY=1\nSTATUS=well"


async def test_it_is_ready_then_lives_and_says_what_ails_it(systemd: socket.socket, tmp_path: Path) -> None:
    clock = ManualClock()
    health = Health(["spool", "link"])
    health.set("spool", True)
    health.set("link", False, "no route\nto host")
    spool = Spool(tmp_path, SpoolLimits(), clock.now_ms())
    keeper = Keeper(spool, SpoolLimits(), clock, Metrics(CollectorRegistry()), health)
    supervisor = Supervisor(str(tmp_path / "notify"), 6)
    task = asyncio.create_task(report_life(supervisor, keeper, health, clock))
    found: list[str] = []
    while len(found) < 2:
        await asyncio.sleep(0)
        found += heard(systemd)
    assert found == ["READY=1", "WATCHDOG=1\nSTATUS=link: no route to host"]
    health.set("link", True)
    clock.advance(2)
    while len(found) < 3:
        await asyncio.sleep(0)
        found += heard(systemd)
    assert found[2] == "WATCHDOG=1\nSTATUS=all is well"
    released = threading.Event()
    keeper._thread.submit(released.wait)
    clock.advance(2)
    await clock.settle()
    clock.advance(60)
    await clock.settle()
    assert heard(systemd) == []
    released.set()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await keeper.close()
