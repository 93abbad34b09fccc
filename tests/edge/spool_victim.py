"""A process that spools and "sends" until it is killed: ``python -m tests.edge.spool_victim DIRECTORY SEED [commits]``.

For each pack that may be sent it prints number and digest, after the spool's commit and never before, as the agent
would hand it to the broker.
"""

import hashlib
import random
import sys
from pathlib import Path

from siloscope_contract.packs import Epoch, Sample
from siloscope_contract.watermarks import EpochMark, Watermark
from siloscope_edge.config import SpoolLimits
from siloscope_edge.epochs import seq_of
from siloscope_edge.spool import Spool
from siloscope_edge.watermark import Generation, Judge

NOW_MS = 1_704_067_200_000
LIMITS = SpoolLimits(max_bytes=524_288)


def main(directory: Path, seed: int, *, commits: bool) -> None:
    chance = random.Random(seed)
    spool = Spool(directory, LIMITS, NOW_MS)
    judge = Judge("me", spool.epoch)
    print("start", spool.epoch, flush=True)
    for turn in range(100_000):
        channels = chance.randint(1, 120)
        names = tuple(f"t{at}" for at in range(channels))
        values: list[float | None] = [chance.random() for _ in names]
        sample = Sample(f"d{seed}", NOW_MS + turn, names, ("Cel",) * channels, values, [0] * channels)
        first, end = spool.write([sample], [], NOW_MS + turn).spooled
        for number, payload in spool.payloads(range(first, end)).items():
            print(spool.epoch, seq_of(number), hashlib.sha256(payload).hexdigest(), flush=True)
        if commits and chance.random() < 0.1:
            mark = EpochMark(spool.assigned[spool.epoch], spool.assigned[spool.epoch])
            watermark = Watermark("s", "g", ["me"], {Epoch(spool.epoch): mark})
            spool.account(judge.judge(watermark, spool.assigned), Generation("s", "g"), NOW_MS + turn)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), commits="commits" in sys.argv)
