"""The real broker, database and ingest process that a benchmark runs against."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from siloscope_benchmarks.fleet import ORGANISATION, SITE
from siloscope_contract.topics import NodeName
from siloscope_deploy.servers.accounts import temporary_home
from siloscope_deploy.servers.mosquitto import MosquittoServer
from siloscope_deploy.servers.nats import NatsServer
from siloscope_deploy.servers.postgres import PostgresServer
from siloscope_deploy.servers.timescale import find_timescale
from siloscope_gateway.credentials import Credential, issue
from siloscope_gateway.principals import Principal
from siloscope_process import command_line
from siloscope_process.errors import Unavailable

EDGE = NodeName.of(ORGANISATION, SITE, "edge1")
"""The node of the one agent that runs in earnest."""

_LAYOUT = f"""\
organisations:
  - slug: {ORGANISATION}
    name: Benchmark
    sites:
      - slug: {SITE}
        name: Field
        time_zone: Etc/UTC
"""


@dataclass(frozen=True)
class Database:
    """A running database with today's schema and the benchmark's site."""

    url: str
    pid: int
    log: Path | None = None


@dataclass(frozen=True)
class Broker:
    """A running broker, and the credentials of ingest, of the fleet, and of one agent."""

    host: str
    port: int
    pid: int
    ingest_url: str
    fleet: Credential
    ingest: Credential
    edge: Credential


@contextmanager
def running_database(kind: str, environ: Mapping[str, str]) -> Iterator[Database]:
    """Run a database that commits to disk, as in production.

    Raises:
        Unavailable: This machine has no TimescaleDB and cannot get one.
    """
    if kind == "timescale":
        timescale = find_timescale(environ, durable=True)
        timescale.start()
        try:
            yield _prepared(timescale.url, timescale.pid or os.getpid())
        finally:
            timescale.discard()
        return
    with temporary_home() as home:
        postgres = PostgresServer(home / "postgres")
        postgres.start()
        try:
            yield _prepared(postgres.url, postgres.pid)
        finally:
            postgres.stop()


@contextmanager
def running_broker(kind: str) -> Iterator[Broker]:
    """Run a broker.

    Raises:
        Unavailable: It is not installed.
    """
    ingest, recognised_ingest = issue(Principal.ingest())
    fleet, recognised_fleet = issue(Principal.of_site(ORGANISATION, SITE))
    edge, recognised_edge = issue(Principal.of_node(EDGE))
    makers = {"nats": NatsServer, "mosquitto": MosquittoServer}
    with temporary_home() as home:
        server = makers[kind](home / kind, [recognised_ingest, recognised_fleet, recognised_edge])
        server.start()
        try:
            yield Broker("127.0.0.1", server.port, server.pid, server.url_for(ingest), fleet, ingest, edge)
        finally:
            server.stop()


@contextmanager
def running_ingest(
    database: Database, broker: Broker, operations_port: int, environ: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `siloscope ingest` as people do."""
    told = {
        "SILOSCOPE_DATABASE_URL": database.url,
        "SILOSCOPE_MQTT_URL": broker.ingest_url,
        "SILOSCOPE_OPS_PORT": str(operations_port),
        **{name: value for name, value in environ.items() if name.startswith("SILOSCOPE_INGEST_")},
    }
    with _running("ingest", told, environ, log) as process:
        yield process


@contextmanager
def running_jobs(
    database: Database, operations_port: int, environ: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `siloscope jobs` as people do."""
    told = {"SILOSCOPE_DATABASE_URL": database.url, "SILOSCOPE_OPS_PORT": str(operations_port)}
    with _running("jobs", told, environ, log) as process:
        yield process


@contextmanager
def running_alerting(
    database: Database, smtp_url: str, operations_port: int, environ: Mapping[str, str], log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `siloscope alerting` as people do."""
    told = {
        "SILOSCOPE_DATABASE_URL": database.url,
        "SILOSCOPE_SMTP_URL": smtp_url,
        "SILOSCOPE_OPS_PORT": str(operations_port),
    }
    with _running("alerting", told, environ, log) as process:
        yield process


@contextmanager
def running_edge(config: Path, environ: Mapping[str, str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `siloscope edge` as people do."""
    with _running("edge", {}, environ, log, ["run", "--config", str(config)]) as process:
        yield process


@contextmanager
def _running(
    service: str, told: Mapping[str, str], environ: Mapping[str, str], log: Path, arguments: Sequence[str] = ()
) -> Iterator["subprocess.Popen[bytes]"]:
    others = {name: value for name, value in environ.items() if not name.startswith("SILOSCOPE_")}
    told = {**others, "SILOSCOPE_LOG": "json", "SILOSCOPE_LOG_LEVEL": "warning", **told}
    command = [sys.executable, "-c", "import sys; from siloscope_process.command_line import main; sys.exit(main())"]
    with log.open("wb") as stderr:
        process = subprocess.Popen([*command, service, *arguments], env=told, stderr=stderr)
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _prepared(url: str, pid: int) -> Database:
    environ = {"SILOSCOPE_DATABASE_URL": url}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as layout:
        layout.write(_LAYOUT)
        layout.flush()
        for arguments in (["migrate"], ["apply", layout.name]):
            with redirect_stdout(sys.stderr):  # a benchmark's own output is its result and nothing else
                failed = command_line.main(["db", *arguments], environ) != 0
            if failed:
                raise Unavailable(f"siloscope db {arguments[0]} failed")
    return Database(url, pid)
