"""What an agent gives up, as it may, was noted before: an auditor knows that it was there."""

import os
import subprocess
import sys
from pathlib import Path

from tests.chaos.records import SPOOL_FILE, SPOOLED, read_log, read_spool

ROOT = Path(__file__).parents[2]
AGENT = """
import sys
from pathlib import Path

from siloscope_contract.packs import Form, Sample
from siloscope_edge.config import SpoolLimits
from siloscope_edge.spool import Spool
from tests.chaos.noted_agent import noting

NOW_MS = 1_704_067_200_000
directory, records = map(Path, sys.argv[1:])
noting(records)
spool = Spool(directory, SpoolLimits(max_bytes=262_144, pack_form=Form.JSON, thin_to_s=()), NOW_MS)
for at in range(NOW_MS, NOW_MS + 400):
    names = tuple(f"t{index}" for index in range(60))
    spool.write([Sample("head", at, names, ("Cel",) * 60, [21.5] * 60, [0] * 60)], [], at)
"""


def test_every_pack_that_is_let_go_was_noted_before(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", AGENT, str(tmp_path), str(tmp_path / "records")]
    subprocess.run(argv, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    noted = [id for id, _ in read_log(tmp_path / "records" / SPOOLED)]
    kept = dict(read_spool(tmp_path / SPOOL_FILE))
    numbers = [seq for _, seq in noted]
    assert numbers == list(range(1, len(noted) + 1))
    assert len(kept) < 300, "the spool was full, and let go of the oldest"
    assert min(seq for _, seq in kept) - 1 <= numbers[-1]
