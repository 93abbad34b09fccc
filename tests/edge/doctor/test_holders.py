"""Who has a port is named, with what to do about it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from siloscope_edge.doctor.holders import Holder, holders_of_connection, holders_of_file

HOLDING = "import sys; held = open(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
SERVING = """
import socket, sys
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
print(server.getsockname()[1], flush=True)
sys.stdin.read()
"""


def test_a_process_that_has_a_file_open_is_found(tmp_path: Path) -> None:
    device = tmp_path / "device"
    device.touch()
    (tmp_path / "by-id").symlink_to(device)
    command = [sys.executable, "-c", HOLDING, str(device)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        found = holders_of_file(str(tmp_path / "by-id"))
        process.communicate("")
    assert [each.pid for each in found] == [process.pid]
    assert holders_of_file(str(device)) == []


def test_a_process_that_is_connected_to_a_host_is_found() -> None:
    command = [sys.executable, "-c", SERVING]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        found = holders_of_connection("127.0.0.1", port)
        elsewhere = holders_of_connection("127.0.0.1", port - 1)
        process.communicate("")
    assert [each.pid for each in found] == [process.pid]
    assert elsewhere == []


def test_a_file_that_we_hold_ourselves_is_nobodys(tmp_path: Path) -> None:
    with (tmp_path / "device").open("w") as held:
        assert holders_of_file(held.name) == []
        assert os.path.exists(held.name)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (
            "/opt/siloscope/bin/python /opt/siloscope/bin/siloscope edge run --config edge.yaml",
            "systemctl stop siloscope",
        ),
        ("/sbin/agetty --keep-baud 115200 ttyAMA0 vt220", "serial-getty@"),
        ("minicom -D /dev/ttyUSB0", "process 7 has it (minicom -D /dev/ttyUSB0): end it first"),
    ],
)
def test_each_holder_has_its_advice(command: str, told: str) -> None:
    assert told in Holder(7, command).told
