import asyncio
import os
import signal
import subprocess
import sys

from siloscope_process.signals import run_until_stopped

STUBBORN = """
import asyncio, os, signal, sys
from siloscope_process.signals import run_until_stopped
async def main(stop):
    os.kill(os.getpid(), signal.SIGTERM)
    await stop.wait()
    for _ in range(int(sys.argv[1])):
        os.kill(os.getpid(), signal.SIGTERM)
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if sys.argv[1] == "1":
                raise
sys.exit(run_until_stopped(main, breath_s=0))
"""


def test_the_first_signal_asks_the_service_to_finish() -> None:
    async def main(stop: asyncio.Event) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        return 5

    assert run_until_stopped(main) == 5


def test_signals_within_a_breath_are_one_request() -> None:
    async def main(stop: asyncio.Event) -> int:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0)
        await stop.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        return 5

    assert run_until_stopped(main, breath_s=3600) == 5


def test_a_closed_terminal_asks_too_unless_nohup_said_otherwise() -> None:
    async def main(stop: asyncio.Event) -> int:
        os.kill(os.getpid(), signal.SIGHUP)
        await asyncio.wait({asyncio.ensure_future(stop.wait())}, timeout=0.01)
        return int(stop.is_set())

    assert run_until_stopped(main) == 1
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run_until_stopped(main) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_service_that_ends_by_itself_keeps_its_exit_code() -> None:
    async def main(stop: asyncio.Event) -> int:
        return 4

    assert run_until_stopped(main) == 4


def test_a_second_signal_cancels_and_a_third_ends_the_process() -> None:
    for further in ("1", "2"):
        ended = subprocess.run([sys.executable, "-c", STUBBORN, further], check=False, timeout=30)
        assert ended.returncode == 128 + signal.SIGTERM
