"""`python -m tests.chaos`: campaigns by hand, as long as wanted."""

import argparse
import signal
import sys

from siloscope_process.errors import Unavailable
from tests.chaos.campaign import Setting, run

PER_CAMPAIGN = 250


def main() -> int:
    """Run campaigns until so many faults are done; return 1 where something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=main.__doc__)
    parser.add_argument("--faults", type=int, default=PER_CAMPAIGN, help="how many altogether")
    parser.add_argument("--seed", type=int, default=1, help="of the first campaign; the next has one more")
    parser.add_argument("--per-campaign", type=int, default=PER_CAMPAIGN)
    parser.add_argument("--broker", choices=["nats", "mosquitto", "nats-cluster"])
    parser.add_argument("--store", choices=["postgres", "timescale"])
    parser.add_argument("--workers", type=int)
    parser.add_argument("--agents", type=int, default=1, help="how many nodes are the whole agent, 0 to 3")
    parser.add_argument("--full-disk", choices=["edge", "store", "broker", "none"])
    parser.add_argument("--pause", type=float, default=0.4, help="mean seconds between two faults")
    parser.add_argument("--longest", type=float, default=2.0, help="longest seconds that a fault holds")
    parser.add_argument("--wild", type=int, default=300, help="samples of one burst of a wild clock")
    parser.add_argument("--patience", type=float, default=0.3, help="share of the product's own pauses")
    parser.add_argument("--drained-within", type=float, default=120.0)
    parser.add_argument("--verbose", action="store_true", help="name each fault")
    told = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what was mounted is unmounted
    failed = done = 0
    seed = told.seed
    while done < told.faults:
        store = told.store or ("postgres", "timescale")[seed % 2]
        usual = ("edge", "", "store", "broker")[seed // 4 % 4]
        setting = Setting(
            told.broker or ("nats", "mosquitto")[seed % 2],
            store,
            told.workers or 1 + seed // 2 % 2,
            seed,
            min(told.per_campaign, told.faults - done),
            agents=told.agents,
            full_disk={"none": "", None: usual}.get(told.full_disk, told.full_disk),
            patience=told.patience,
            mean_pause_s=told.pause,
            longest_s=told.longest,
            wild_samples=told.wild,
            drained_within_s=told.drained_within,
        )
        try:
            report = run(setting, print if told.verbose else lambda text: None)
        except Unavailable as reason:
            print(f"seed {seed}: left out: {reason}", flush=True)
            return 69
        print(report.text(), report.logs, sep="\n", flush=True)
        failed += bool(report.wrong)
        done += setting.faults
        seed += 1
    print(f"{done} faults, {failed} campaigns with something wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
