"""What a technician meets: a report, JSON, a draft that the edge takes, and one line for each mistake."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from pyModbusTCP.server import DataBank, ModbusServer

from siloscope_deploy.servers.ports import free_port
from siloscope_process.command_line import main
from siloscope_process.errors import UNAVAILABLE, USAGE

TEMPERATURE = struct.unpack(">2H", struct.pack(">f", 23.4))


@pytest.fixture(scope="module")
def server() -> Iterator[ModbusServer]:
    made = ModbusServer("127.0.0.1", free_port(), no_block=True, data_bank=DataBank())
    made.start()
    made.data_bank.set_holding_registers(10, [*TEMPERATURE, 651])
    yield made
    made.stop()


def doctor(server: ModbusServer, *more: str) -> list[str]:
    usual = ["--host", f"127.0.0.1:{server.port}", "--units", "1", "--tables", "holding", "--interval", "0"]
    return ["edge", "doctor", *usual, *more]


def test_the_report_shows_what_is_there(server: ModbusServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(doctor(server, "--expect", "23.4:temperature"), {}) == 0
    told = capsys.readouterr()
    assert f"modbus_tcp: {{host: 127.0.0.1, port: {server.port}}}" in told.out
    assert "unit 1: device" in told.out
    assert "any address answers" in told.out
    assert "temperature 23.4: clear" in told.out
    assert "holding 10 float32 = 23.4, 23.4, 23.4 Cel" in told.out
    assert "Reads only. At most 2 min 0 s; Ctrl-C ends it" in told.err
    assert all(len(line) <= 80 for line in (told.out + told.err).splitlines())


def test_json_is_the_whole_of_it(server: ModbusServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(doctor(server, "--json", "--quantity", "11=temperature"), {}) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["ended"] == "complete"
    assert found["devices"][0]["tables"][0]["words"]["12"] == [651, 651, 651]
    assert found["devices"][0]["rankings"][0]["groups"][0][0]["address"] in (10, 12)


def test_the_draft_is_one_that_the_edge_reads_with(
    server: ModbusServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = doctor(server, "--expect", "11=23.4:temperature", "--expect", "12=65.1:relative_humidity")
    for name in ("unit-1", "unit-1-2"):  # none is overwritten
        assert main([*arguments, "--draft", str(tmp_path)], {}) == 0
        assert f"wrote {tmp_path / name}.yaml" in capsys.readouterr().err
    (tmp_path / "edge.yaml").write_text(
        f"""\
organisation: demo
site: yard
node: pi
mqtt: {{host: 127.0.0.1}}
data_directory: data
profile_directories: [{tmp_path}]
buses:
  - name: line-1
    modbus_tcp: {{host: 127.0.0.1, port: {server.port}}}
    devices:
      - {{name: unit-1, profile: unit-1, unit_id: 1}}
"""
    )
    assert main(["edge", "check", "--config", str(tmp_path / "edge.yaml")], {}) == 0
    told = capsys.readouterr().out
    assert "temperature              23.4 Cel" in told
    assert "relative_humidity        65.1 %RH" in told


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--host", "a:b"], "--host: found 'a:b', expected HOST or HOST:PORT"),
        (["--host", "a:99999"], "expected HOST or HOST:PORT"),
        (["--host", "a", "--units", "0"], "--units: found '0', expected unit ids from 1 to 255, as 1-10,240"),
        (["--host", "a", "--units", "9-3"], "--units: found '9-3'"),
        (["--port", "x", "--baud", "fast"], "--baud: found 'fast', expected one of 1200"),
        (["--port", "x", "--format", "7Q9"], "--format: found '7Q9', expected one of 8N1"),
        (["--host", "a", "--tables", "holdings"], "--tables: found 'holdings', expected one of"),
        (["--host", "a", "--expect", "warm"], "--expect: found 'warm', expected a number as the display shows it"),
        (["--host", "a", "--quantity", "temprature"], "--quantity: found 'temprature', expected"),
        (["--host", "a", "--within", "0"], "--within: found '0.0', expected at least 1"),
        (["--host", "a", "--within", "nan"], "--within: found 'nan', expected at least 1"),
        (["--host", "a", "--reads", "0"], "--reads: found '0', expected at least 1"),
        (["--host", "a", "--draft", "/no/such"], "--draft: found '/no/such', expected a directory that exists"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edge", "doctor", *arguments], {}) == USAGE
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert complaint in told.err


def test_a_port_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edge", "doctor", "--port", str(tmp_path / "none")], {}) == UNAVAILABLE
    assert "No such file" in capsys.readouterr().err
    assert main(["edge", "doctor", "--host", f"127.0.0.1:{free_port()}"], {}) == UNAVAILABLE
    assert "127.0.0.1" in capsys.readouterr().err


def test_a_port_that_the_agent_holds_is_refused_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    with serial.Serial(os.ttyname(theirs), exclusive=True):
        assert main(["edge", "doctor", "--port", os.ttyname(theirs)], {}) == UNAVAILABLE
    told = capsys.readouterr().err
    assert "sudo systemctl stop siloscope-edge" in told
    os.close(ours)
    os.close(theirs)


def test_silence_is_said_with_what_to_look_at_first(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        host = f"127.0.0.1:{deaf.getsockname()[1]}"
        usual = ["--units", "1-3", "--timeout", "0.01", "--within", "20"]
        assert main(["edge", "doctor", "--host", host, *usual], {}) == UNAVAILABLE
    told = capsys.readouterr()
    assert "nobody answered" in told.out
    assert "tried Modbus TCP, RTU over TCP" in told.out
    assert "wiring (A and B), power, unit id and speed come first" in told.err


def test_ctrl_c_ends_it_with_what_was_found_so_far() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        host = f"127.0.0.1:{deaf.getsockname()[1]}"
        code = "import sys; from siloscope_process.command_line import main; sys.exit(main())"
        command = [sys.executable, "-c", code, "edge", "doctor", "--host", host, "--framing", "tcp"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            connection, _ = deaf.accept()
            connection.recv(1)  # it asks: its event loop runs
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
            connection.close()
    assert process.returncode == 130
    assert "Stopped; this is what was found until then" in out
    assert "Traceback" not in err
