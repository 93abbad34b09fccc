import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import EntryPoint

import pytest

from siloscope_process import command_line
from siloscope_process.command_line import KNOWN, Command, main
from siloscope_process.errors import Unavailable

CALLS: list[tuple[str, Mapping[str, str]]] = []


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("word")


def _run(args: argparse.Namespace, environ: Mapping[str, str]) -> int:
    if args.word == "away":
        raise Unavailable("the broker at 127.0.0.1:1 does not answer")
    if args.word == "interrupt":
        raise KeyboardInterrupt
    CALLS.append((args.word, environ))
    return 3


command = Command("an example", _configure, _run)


@pytest.fixture(autouse=True)
def only_db_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "example_member", sys.modules[__name__])
    entry = EntryPoint("db", "example_member:command", command_line.GROUP)
    monkeypatch.setattr(command_line, "entry_points", lambda *, group: (entry,))


def test_a_command_that_is_not_installed_names_its_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edge"], {}) == 2
    assert capsys.readouterr().err == "siloscope edge: not installed here; the distribution siloscope-edge brings it\n"


def test_an_unknown_command_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["egde"], {}) == 2
    assert "no such command; there are alerting, alerts, api, bench, data, db, edge" in capsys.readouterr().err


def test_a_stop_is_one_line_and_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["db", "away"], {}) == 69
    assert capsys.readouterr().err == "siloscope db: the broker at 127.0.0.1:1 does not answer\n"


def test_an_interrupted_command_exits_as_shells_expect() -> None:
    assert main(["db", "interrupt"], {}) == 130


def test_the_chosen_command_gets_arguments_and_environment() -> None:
    assert main(["db", "go"], {"A": "b"}) == 3
    assert CALLS == [("go", {"A": "b"})]


def test_help_lists_every_command_and_what_is_absent(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"], {}) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in KNOWN)
    assert "(not installed: siloscope-edge)" in shown


def test_help_imports_no_service() -> None:
    program = (
        "import sys; from siloscope_process.command_line import main; main(['--help'])\n"
        "heavy = {m.split('.')[0] for m in sys.modules} & {'psycopg', 'fastapi', 'pymodbus', 'structlog', 'msgspec'}\n"
        "sys.exit(len(heavy))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_enough_ends_it_quietly(unbuffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    program = "import sys; from siloscope_process.command_line import main; sys.exit(main())"
    with os.fdopen(writing, "w") as broken:
        ended = subprocess.run(
            [sys.executable, "-c", program, "--help"],
            stdout=broken,
            stderr=subprocess.PIPE,
            env={"PYTHONUNBUFFERED": unbuffered},
            check=False,
            timeout=20,
        )
    assert (ended.returncode, ended.stderr) == (141, b"")
