"""`siloscope bench`: what the figures in the docs come from."""

import argparse
import sys
from collections.abc import Mapping

import msgspec

from siloscope_benchmarks import ingest_bench
from siloscope_process.command_line import Command


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the benchmarks."""
    benches = parser.add_subparsers(required=True, metavar="BENCH")
    ingest = benches.add_parser("ingest", help="committed messages a second, end to end")
    ingest.add_argument("--seconds", type=float, default=20, help="how long to send (default 20)")
    ingest.add_argument("--nodes", type=int, default=1000, help="how many nodes send (default 1000)")
    ingest.add_argument("--readings", type=int, default=20, help="readings a sample (default 20)")
    ingest.add_argument("--samples", type=int, default=1, help="samples a message (default 1)")
    ingest.add_argument("--rate", type=float, default=0, help="messages a second to offer; 0 = as many as go")
    ingest.add_argument("--window", type=int, default=12_000, help="messages that the broker may leave unanswered")
    ingest.add_argument("--broker", choices=("mosquitto", "nats"), default="mosquitto")
    ingest.add_argument("--database", choices=("timescale", "postgres"), default="timescale")
    ingest.add_argument("--json", action="store_true", help="print the result as one JSON object")
    ingest.set_defaults(bench=_ingest)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the chosen benchmark."""
    return int(arguments.bench(arguments, environ))


command = Command("measure this machine", configure, run)


def _ingest(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    plan = ingest_bench.Plan(
        arguments.seconds,
        arguments.nodes,
        arguments.readings,
        arguments.samples,
        arguments.window,
        arguments.rate,
        arguments.broker,
        arguments.database,
    )
    result = ingest_bench.measure(plan, environ, _say)
    if arguments.json:
        print(msgspec.json.encode(result).decode())
    else:
        print(_table(result))
    whole = result.all_accounted and result.rows_stored == result.rows_expected
    return 0 if whole else 1


def _table(result: ingest_bench.Result) -> str:
    shares = ", ".join(f"{name} {share:.2f}" for name, share in result.cpu_share.items())
    return "\n".join(
        (
            f"{result.messages_per_s:,.0f} messages/s = {result.readings_per_s:,.0f} readings/s, committed",
            f"  limit: COPY of the same rows {result.copy_rows_per_s:,.0f} rows/s; {result.share_of_copy:.0%} of it",
            f"  ingest: {result.consumer_cpu_us_per_message:.1f} µs CPU a message, "
            f"{result.consumer_peak_memory_mib:.0f} MiB at most",
            f"  {result.messages_per_commit:,.0f} messages a transaction, {result.commit_ms:.0f} ms each",
            f"  cores used: {shares} of {result.cores}",
            f"  {result.messages:,} messages in {result.seconds:.1f} s, "
            f"all accounted for: {'yes' if result.all_accounted else 'NO'}",
        )
    )


def _say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr)
