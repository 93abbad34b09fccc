"""`siloscope bench`: what the figures in the docs come from."""

import argparse
import sys
from collections.abc import Mapping

import msgspec

from siloscope_benchmarks import (
    alerts_bench,
    drain_bench,
    edge_bench,
    edge_drain,
    ingest_bench,
    query_bench,
    storage_bench,
)
from siloscope_benchmarks.fleet import Form
from siloscope_benchmarks.watching import Latency
from siloscope_process import logs
from siloscope_process.command_line import Command


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the benchmarks."""
    benches = parser.add_subparsers(required=True, metavar="BENCH")
    ingest = benches.add_parser("ingest", help="committed messages a second, end to end")
    _add_load(ingest, nodes=1000)
    ingest.add_argument("--rate", type=float, default=0, help="messages a second to offer; 0 = as many as go")
    ingest.add_argument(
        "--plain",
        choices=("absolute", "relative"),
        help="one reading a message, from devices without numbers, that know the time or do not",
    )
    ingest.add_argument("--minutes", type=float, help="for so long, with `siloscope jobs` beside it, and its lag")
    ingest.add_argument("--broker-seconds", type=float, default=5, help="measure the broker alone for so long first")
    ingest.set_defaults(bench=_ingest)
    drain = benches.add_parser("drain", help="a backlog is committed, and what is new meanwhile")
    _add_load(drain, nodes=50)
    drain.add_argument("--backlog", type=int, default=10_000_000, help="readings that wait (default 10 million)")
    drain.add_argument("--live-rate", type=float, default=50, help="new messages a second meanwhile (default 50)")
    drain.set_defaults(bench=_drain)
    storage = benches.add_parser("storage", help="bytes a reading on disk, all indexes and roll-ups included")
    _add_home(storage)
    storage.set_defaults(bench=_storage)
    query = benches.add_parser("query", help="charts over a day, a month and two years, and newest values")
    query.add_argument(
        "--readings", type=float, default=1e8, help="readings to build, such as 1e6 to 1e9 (default 1e8)"
    )
    query.add_argument("--growth", action="store_true", help="measure at each power of ten from 1e6 on as well")
    query.add_argument("--build-minutes", type=float, default=60, help="stop building then (default 60)")
    query.add_argument(
        "--hour-days", type=int, default=60, help="days of roll-ups of hours (default 60; 730 are 15 GB)"
    )
    query.add_argument("--queries", type=int, default=200, help="questions of each kind (default 200)")
    query.add_argument(
        "--ingest-rate", type=float, default=15_000, help="messages a second of ingest beside it; 0 = none"
    )
    _add_home(query)
    query.set_defaults(bench=_query)
    alerts = benches.add_parser("alerts", help="a round of all rules over all channels, and a reading to an email")
    alerts.add_argument("--channels", type=int, default=100_000, help="channels (default 100 000)")
    alerts.add_argument("--rules", type=int, default=200, help="rules, of which one matches all (default 200)")
    alerts.add_argument("--rounds", type=int, default=10, help="measured rounds of each size (default 10)")
    alerts.add_argument("--growth", action="store_true", help="measure a hundredth and a tenth of the channels as well")
    alerts.add_argument("--latency", type=int, default=100, help="emails to measure (default 100); 0 = none")
    alerts.add_argument(
        "--ingest-rate", type=float, default=15_000, help="messages a second of ingest beside them; 0 = none"
    )
    _add_home(alerts)
    alerts.set_defaults(bench=_alerts)
    edge = benches.add_parser("edge", help="what the agent needs to read 100 Modbus devices, beside bare pymodbus")
    edge.add_argument("--seconds", type=float, default=30, help="how long to measure each site (default 30)")
    edge.add_argument("--devices", type=int, default=100, help="devices of 100 floats each (default 100)")
    edge.add_argument("--no-highest", action="store_true", help="do not look for the highest rate of one core")
    edge.add_argument("--week-hours", type=float, default=168, help="hours whose memory to see; 0 = none (default 168)")
    edge.add_argument("--day-minutes", type=float, default=5, help="run a typical site so long; 0 = not (default 5)")
    _add_home(edge)
    edge.set_defaults(bench=_edge)
    drain_edge = benches.add_parser("drain-edge", help="an agent's backlog of days goes into a live platform")
    drain_edge.add_argument("--hours", type=float, default=72, help="how long it could not send (default 72)")
    _add_home(drain_edge)
    drain_edge.set_defaults(bench=_drain_edge)


def _add_load(parser: argparse.ArgumentParser, *, nodes: int) -> None:
    parser.add_argument("--seconds", type=float, default=20, help="how long to send (default 20)")
    parser.add_argument("--nodes", type=int, default=nodes, help=f"how many nodes send (default {nodes})")
    parser.add_argument("--readings", type=int, default=20, help="readings a sample (default 20)")
    parser.add_argument("--samples", type=int, default=1, help="samples a message (default 1)")
    parser.add_argument("--window", type=int, default=12_000, help="messages that the broker may leave unanswered")
    parser.add_argument("--broker", choices=("mosquitto", "nats"), default="mosquitto")
    parser.add_argument("--database", choices=("timescale", "postgres"), default="timescale")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def _add_home(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=("timescale", "postgres"), default="timescale")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the chosen benchmark."""
    return int(arguments.bench(arguments, environ))


command = Command("measure this machine", configure, run)


def _ingest(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    result = ingest_bench.measure(_plan(arguments), environ, _say)
    print(msgspec.json.encode(result).decode() if arguments.json else _table(result))
    stored = result.rows_stored + (result.conflicts if result.plan.form is Form.RELATIVE else 0)
    return 0 if result.all_accounted and stored == result.rows_expected else 1


def _drain(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    plan = _plan(arguments)
    result = drain_bench.measure(plan, arguments.backlog, arguments.live_rate, environ, _say)
    print(msgspec.json.encode(result).decode() if arguments.json else _drain_table(result))
    return 0 if result.all_accounted else 1


def _storage(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    result = storage_bench.measure(arguments.database, environ, _say)
    print(msgspec.json.encode(result).decode() if arguments.json else storage_bench.table(result))
    return 0 if all(each.within_budget for each in result.stored) else 1


def _query(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    sizes = [10.0**power for power in range(6, 10) if arguments.growth and 10.0**power < arguments.readings]
    plan = query_bench.Plan(
        [*sizes, arguments.readings],
        arguments.build_minutes,
        arguments.hour_days,
        arguments.queries,
        arguments.ingest_rate,
        arguments.database,
    )
    result = query_bench.measure(plan, environ, _say)
    print(msgspec.json.encode(result).decode() if arguments.json else query_bench.table(result))
    return 0 if result.buckets_differing == 0 else 1


def _alerts(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    plan = alerts_bench.Plan(
        arguments.channels,
        arguments.rules,
        arguments.growth,
        arguments.rounds,
        arguments.latency,
        arguments.ingest_rate,
        arguments.database,
    )
    logs.configure("bench", level="warning")
    result = alerts_bench.measure(plan, environ, _say)
    print(msgspec.json.encode(result).decode() if arguments.json else alerts_bench.table(result))
    return 0 if all(result.met.values()) else 1


def _edge(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    plan = edge_bench.Plan(
        arguments.seconds,
        arguments.devices,
        not arguments.no_highest,
        arguments.database,
        arguments.week_hours,
        arguments.day_minutes,
    )
    result = edge_bench.measure(plan, environ, _say)
    print(msgspec.json.encode(result).decode() if arguments.json else edge_bench.table(result))
    return 0 if all(result.met.values()) else 1


def _drain_edge(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    result = edge_drain.measure(edge_drain.Plan(arguments.hours, database=arguments.database), environ, _say)
    print(msgspec.json.encode(result).decode() if arguments.json else edge_drain.table(result))
    return 0 if all(result.met.values()) else 1


def _plan(arguments: argparse.Namespace) -> ingest_bench.Plan:
    given = vars(arguments)
    plain, minutes = given.get("plain"), given.get("minutes")
    return ingest_bench.Plan(
        seconds=minutes * 60 if minutes else arguments.seconds,
        nodes=arguments.nodes,
        readings=1 if plain else arguments.readings,
        samples=1 if plain else arguments.samples,
        window=arguments.window,
        rate=given.get("rate", 0),
        broker=arguments.broker,
        database=arguments.database,
        form=Form(plain or "numbered"),
        jobs=bool(minutes),
        broker_seconds=given.get("broker_seconds", 0),
    )


def _table(result: ingest_bench.Result) -> str:
    shares = ", ".join(f"{name} {share:.2f}" for name, share in result.cpu_share.items())
    lines = [
        f"{result.messages_per_s:,.0f} messages/s = {result.readings_per_s:,.0f} readings/s, committed",
        f"  limit: COPY of the same rows {result.copy_rows_per_s:,.0f} rows/s; {result.share_of_copy:.0%} of it",
        f"  limit: the broker alone {result.broker_messages_per_s:,.0f} messages/s; {result.share_of_broker:.0%} of it",
        f"  ingest: {result.consumer_cpu_us_per_message:.1f} µs CPU a message, "
        f"{result.consumer_peak_memory_mib:.0f} MiB at most",
        f"  {result.messages_per_commit:,.0f} messages a transaction, {result.commit_ms:.0f} ms each",
        f"  cores used: {shares} of {result.cores}",
        f"  {result.plan.nodes:,} nodes registered in {result.registration_s:.1f} s; "
        f"oldest watermark due {result.watermark_age_s:.1f} s",
        f"  {result.messages:,} messages in {result.seconds:.1f} s, "
        f"all accounted for: {'yes' if result.all_accounted else 'NO'}",
    ]
    if result.latency is not None:
        lines.append(f"  from publishing to visible: {_latency(result.latency)}")
    if result.disk is not None:
        lines.append(f"  limit: the disk keeps a page: {_latency(result.disk)}")
    if result.rollup_lag_s:
        lines.append(f"  roll-ups behind by at most {max(lag for _, lag in result.rollup_lag_s):,.0f} s")
    return "\n".join(lines)


def _drain_table(result: drain_bench.DrainResult) -> str:
    lines = [
        f"{result.drained_messages_per_s:,.0f} messages/s = {result.drained_readings_per_s:,.0f} readings/s "
        f"of a backlog of {result.backlog_readings:,} readings, in {result.drained_s:.1f} s",
        f"  steady rate of the same run {result.steady_messages_per_s:,.0f} messages/s; "
        f"{result.share_of_steady:.0%} of it",
        f"  limit: COPY of the same rows {result.copy_rows_per_s:,.0f} rows/s",
        f"  {result.waited_in_broker:,} messages waited in the broker when ingest started; "
        f"ingest had {result.consumer_peak_memory_mib:.0f} MiB at most",
        f"  all accounted for: {'yes' if result.all_accounted else 'NO'}",
    ]
    if result.live_latency is not None:
        lines.append(f"  {result.live_messages:,} live messages, to visible: {_latency(result.live_latency)}")
    return "\n".join(lines)


def _latency(found: Latency) -> str:
    return (
        f"p50 {found.p50_ms:,.0f} ms, p95 {found.p95_ms:,.0f} ms, p99 {found.p99_ms:,.0f} ms, "
        f"at most {found.most_ms:,.0f} ms ({found.samples:,} samples)"
    )


def _say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr)
