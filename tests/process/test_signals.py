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
sys.exit(run_until_stopped(main))
"""


def test_the_first_signal_asks_the_service_to_finish() -> None:
    async def main(stop: asyncio.Event) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        return 5

    assert run_until_stopped(main) == 5


def test_a_service_that_ends_by_itself_keeps_its_exit_code() -> None:
    async def main(stop: asyncio.Event) -> int:
        return 4

    assert run_until_stopped(main) == 4


def test_a_second_signal_cancels_and_a_third_ends_the_process() -> None:
    for further in ("1", "2"):
        ended = subprocess.run([sys.executable, "-c", STUBBORN, further], check=False, timeout=30)
        assert ended.returncode == 128 + signal.SIGTERM
