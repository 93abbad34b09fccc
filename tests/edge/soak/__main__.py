"""Soaks by hand: ``python -m tests.edge.soak --seed 1 --seeds 20 --hours 1``."""

import argparse
import sys
import time
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from tests.edge.soak import virtual_time
from tests.edge.soak.soak import Report, Soak

_SHOWN = 40


def main() -> int:
    """Run soaks; return 1 where one found something."""
    parser = argparse.ArgumentParser(description="Soak the agent on simulated lines in virtual time")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many, one behind the other")
    parser.add_argument("--hours", type=float, default=1.0, help="of simulated time")
    parser.add_argument("--faults-per-hour", type=float, default=120.0)
    parser.add_argument("--verbose", action="store_true", help="name each fault")
    parser.add_argument("--log", action="store_true", help="print what the agent logs")
    args = parser.parse_args()
    structlog.configure(processors=[_say if args.log else _drop], logger_factory=structlog.ReturnLoggerFactory())
    failed = 0
    for seed in range(args.seed, args.seed + args.seeds):
        began_s = time.monotonic()
        with TemporaryDirectory(prefix="silo-soak-") as directory:

            async def soak(at: Path = Path(directory), seed: int = seed) -> Report:
                return await Soak(at, seed, args.hours * 3600, args.faults_per_hour).run()

            report = virtual_time.run(soak)
        if args.verbose:
            print("\n".join(map(str, report.faults)))
        ledger = report.ledger
        print(
            f"seed {seed}: {len(report.faults)} faults, {report.boots} boots, {ledger.given} things said, "
            f"{ledger.readings} readings stored ({ledger.good} good, {report.provisional} provisional), "
            f"{report.packs} packs; {len(report.findings)} findings; {time.monotonic() - began_s:.1f} s",
            flush=True,
        )
        print("".join(f"  {each}\n" for each in report.findings[:_SHOWN]), end="", flush=True)
        failed += bool(report.findings)
    return 1 if failed else 0


def _say(_logger: object, level: str, event: MutableMapping[str, Any]) -> str:
    print(level, dict(event))
    if event.get("exc_info"):
        traceback.print_exc()
    return ""


def _drop(_logger: object, _level: str, _event: MutableMapping[str, Any]) -> str:
    return ""


if __name__ == "__main__":
    sys.exit(main())
