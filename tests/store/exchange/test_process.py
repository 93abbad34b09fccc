"""`siloscope data` as a process that is killed with SIGKILL, wherever it happens to be, and started again."""

import csv
import os
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from psycopg import Connection

from siloscope_store.connections import connect
from tests.store.exchange.conftest import count
from tests.store.farm import Farm

SECOND_0 = 1_769_925_600
SAMPLES, CHANNELS = 8_000, 5
CODE = "import sys; from siloscope_process.command_line import main; sys.exit(main(['data', *sys.argv[1:]]))"


@pytest.fixture
def farm_url(migrated_database_url: str) -> str:
    """A database with a farm whose readings are many."""
    with connect(migrated_database_url, autocommit=True) as owner:
        Farm(owner, "ours")
    return migrated_database_url


def written(path: Path) -> Path:
    keys = [f"t{at}" for at in range(CHANNELS)]
    with path.open("w") as opened:
        opened.write("time,device,channel,value,unit\n")
        for second in range(SAMPLES):
            opened.writelines(f"{SECOND_0 + second},x,{key},{second % 50}.5,Cel\n" for key in keys)
    return path


def command(url: str, *words: object) -> "subprocess.Popen[bytes]":
    environ = {**os.environ, "SILOSCOPE_DATABASE_URL": url}
    arguments = [sys.executable, "-c", CODE, *map(str, words)]
    return subprocess.Popen(arguments, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def killed_after(process: "subprocess.Popen[bytes]", after_s: float) -> bool:
    """Kill a process with SIGKILL; False where it was done before."""
    try:
        return process.wait(after_s) != 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True


def readings(connection: Connection[object]) -> int:
    row = connection.execute("SELECT sum(cardinality(values)) FROM sample").fetchone()
    assert isinstance(row, tuple)
    return int(row[0])


def test_killed_at_any_moment_the_file_is_in_and_out_again_as_it_was(farm_url: str, tmp_path: Path) -> None:
    rng, path, out = Random(4), written(tmp_path / "in.csv"), tmp_path / "out.csv"
    to = ("--org", "ours", "--site", "yard", "--node", "pi", "--create-node")
    for _ in range(4):
        killed_after(command(farm_url, "import", path, *to), rng.uniform(0.7, 2.5))
    assert command(farm_url, "import", path, *to).wait(120) == 0
    with connect(farm_url, autocommit=True) as connection:
        assert count(connection, "sample") == SAMPLES
        assert readings(connection) == SAMPLES * CHANNELS
        assert count(connection, "sample_conflict") == 0
        assert count(connection, "import_run") == 1
    words = ("--org", "ours", "--to", "2026-03-01")
    for _ in range(4):
        killed_after(command(farm_url, "export", out, *words, "--force"), rng.uniform(0.7, 1.5))
    assert command(farm_url, "export", out, *words, "--force").wait(120) == 0
    with out.open(newline="") as opened:
        rows = [(row["channel"], row["time"], row["value"]) for row in csv.DictReader(opened)]
    assert len(rows) == len(set(rows)) == SAMPLES * CHANNELS
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in.csv", "out.csv"]
