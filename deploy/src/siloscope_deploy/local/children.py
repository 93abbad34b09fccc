"""The platform's processes, each as the supervisor needs it described. Secrets go by environment, never by argument."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from siloscope_deploy.local.child import Child
from siloscope_deploy.local.probes import answering, http_answers, http_ready
from siloscope_deploy.servers.nats import NatsServer
from siloscope_deploy.servers.postgres import PostgresServer

# They end in the opposite order: whoever writes ends before what it writes to.
DATABASE, BROKER, INGEST, INSTRUMENTS, READERS = range(5)


def postgres(server: PostgresServer) -> Child:
    """The database; prepare the server first."""
    return Child(
        "postgres",
        tuple(server.command),
        answering(server.is_ready),
        environ=server.environ,
        stage=DATABASE,
        graceful=server.graceful,
        account=server.account,
        ready_within_s=120,  # after a power cut it replays its log first
        ends_within_s=60,
    )


def nats(server: NatsServer) -> Child:
    """The broker; prepare the server first."""
    return Child("nats", tuple(server.command), answering(server.is_ready), stage=BROKER)


def simulator(world: Path, runtime: Path, operations_port: int, environ: Mapping[str, str]) -> Child:
    """The simulated instruments."""
    endpoints = runtime / "endpoints.json"
    arguments = ["sim", "run", "--world", str(world), "--runtime-dir", str(runtime)]
    if endpoints.exists():
        arguments += ["--endpoints", str(endpoints)]
    return _service("sim", arguments, operations_port, environ, stage=INSTRUMENTS)


def edge(name: str, config: Path, operations_port: int, environ: Mapping[str, str]) -> Child:
    """One edge agent."""
    return _service(name, ["edge", "run", "--config", str(config)], operations_port, environ, stage=READERS)


def ingest(name: str, operations_port: int, environ: Mapping[str, str]) -> Child:
    """What brings messages into the database, or one worker of several."""
    return _service(name, ["ingest"], operations_port, environ, stage=INGEST)


def jobs(operations_port: int, environ: Mapping[str, str]) -> Child:
    """What is done with stored samples by and by."""
    return _service("jobs", ["jobs"], operations_port, environ, stage=READERS)


def alerting(operations_port: int, environ: Mapping[str, str]) -> Child:
    """What evaluates rules and sends what they say."""
    return _service("alerting", ["alerting"], operations_port, environ, stage=READERS)


def gateway(operations_port: int, environ: Mapping[str, str]) -> Child:
    """What takes to nodes what they should be and do."""
    return _service("gateway", ["gateway", "serve"], operations_port, environ, stage=READERS)


def mirror(operations_port: int, environ: Mapping[str, str]) -> Child:
    """What writes every sample to an InfluxDB as well; that one being away is no reason not to be up."""
    service = _service("mirror", ["mirror"], operations_port, environ, stage=READERS)
    return replace(service, ready=http_answers(operations_port))


def api(http_port: int, environ: Mapping[str, str]) -> Child:
    """The API and the web page; they answer /readyz on their own port."""
    return _service("api", ["api"], http_port, {**environ, "SILOSCOPE_HTTP_PORT": str(http_port)}, stage=READERS)


def _service(name: str, arguments: list[str], port: int, environ: Mapping[str, str], *, stage: int) -> Child:
    program = Path(sys.executable).with_name("siloscope")
    settings = {"SILOSCOPE_OPS_PORT": str(port), **environ}
    return Child(name, (str(program), *arguments), http_ready(port), environ=settings, stage=stage)
