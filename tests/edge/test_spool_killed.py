"""A real process, killed again and again at random points: what it let out was spooled, and nothing was lost unsaid."""

import hashlib
import random
import subprocess
import sys
from pathlib import Path

import pytest

from siloscope_contract.gaps import GapKind
from siloscope_contract.packs import Pack, decode
from siloscope_edge.epochs import ordinal_of, seq_of
from siloscope_edge.spool import Spool
from siloscope_edge.spool_file import FILE_NAME, SQL, connect
from siloscope_edge.spool_reading import read_epochs
from tests.edge.spool_victim import LIMITS, NOW_MS

STARTS = 6
Sent = dict[tuple[str, int], str]


def run_and_kill(directory: Path, seed: int, lines: int, *, commits: bool) -> Sent:
    """Let the victim live until it has printed so many lines; return what it let out."""
    command = [sys.executable, "-m", "tests.edge.spool_victim", str(directory), str(seed), *["commits"] * commits]
    sent: Sent = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        for _, line in zip(range(lines), victim.stdout, strict=False):
            note(sent, line)
        victim.kill()
        for line in victim.stdout:
            if line.endswith("\n"):
                note(sent, line)
    return sent


def note(sent: Sent, line: str) -> None:
    words = line.split()
    if len(words) == 3:
        assert (words[0], int(words[1])) not in sent, "a number was used twice"
        sent[words[0], int(words[1])] = words[2]


def spooled(directory: Path) -> dict[tuple[str, int], bytes]:
    connection = connect(directory / FILE_NAME, read_only=True)
    names = {state.ordinal: str(state.epoch) for state in read_epochs(connection)}
    rows = connection.execute(SQL["packs"]).fetchall()
    found = {(names[ordinal_of(number)], seq_of(number)): bytes(payload) for number, payload in rows}
    connection.close()
    return found


def declared(packs: list[Pack]) -> set[tuple[str | None, int]]:
    return {
        (gap.epoch, seq)
        for pack in packs
        for gap in pack.gaps
        if gap.kind in (GapKind.EVICTED, GapKind.THINNED) and gap.first_seq and gap.last_seq
        for seq in range(gap.first_seq, gap.last_seq + 1)
    }


@pytest.mark.parametrize(("seed", "commits"), [(1, True), (2, False)])
def test_whatever_was_let_out_is_spooled_committed_or_declared(tmp_path: Path, seed: int, commits: bool) -> None:
    chance = random.Random(seed)
    sent: Sent = {}
    for start in range(STARTS):
        life = run_and_kill(tmp_path, 100 * seed + start, chance.randint(2, 400), commits=commits)
        assert not sent.keys() & life.keys(), "a number was used twice"
        sent |= life
    there = spooled(tmp_path)
    packs = [decode(payload, received_ms=0) for payload in there.values()]
    for pair, payload in there.items():
        assert sent.get(pair, hashlib.sha256(payload).hexdigest()) == hashlib.sha256(payload).hexdigest()
    gone = sent.keys() - there.keys()
    spool = Spool(tmp_path, LIMITS, NOW_MS)
    committed = {(each.epoch, seq) for each in spool._epochs for seq in each.accounted}
    spool.close(NOW_MS)
    told = declared(packs)
    unsaid = {pair for pair in gone if pair not in told and pair not in committed}
    assert unsaid == set()
    assert gone, "the bound was never met: the test proves nothing"
