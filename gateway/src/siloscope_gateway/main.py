"""`siloscope gateway`: credentials, the brokers' configurations from them, and what nodes should be and do."""

import argparse
import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from siloscope_contract.errors import MalformedName
from siloscope_contract.topics import NodeName
from siloscope_gateway import broker_files
from siloscope_gateway.brokers.nats import NatsCluster
from siloscope_gateway.credentials import issue
from siloscope_gateway.errors import GatewayError
from siloscope_gateway.metrics import Metrics
from siloscope_gateway.principals import Principal
from siloscope_gateway.recognitions import StoredRecognitions
from siloscope_gateway.remote import node_words
from siloscope_gateway.remote.courier import Courier
from siloscope_gateway.settings import GatewaySettings, ServeSettings
from siloscope_process import broker_url, logs
from siloscope_process.clock import SystemClock
from siloscope_process.command_line import Command
from siloscope_process.errors import WrongSetting
from siloscope_process.metrics import process_registry
from siloscope_process.operations import Health, OperationsServer
from siloscope_process.settings import load
from siloscope_process.signals import run_until_stopped

_Action = Callable[[argparse.Namespace, StoredRecognitions], None]
_OPS_PORT = 9109


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    groups = parser.add_subparsers(required=True, metavar="WHAT")
    _configure_credential(groups.add_parser("credential", help="who may connect to the broker"))
    _configure_render(groups.add_parser("render", help="write a broker's configuration from the credentials"))
    serve = groups.add_parser(
        "serve", help="run: take to nodes what they should be and do, and bring back what they say"
    )
    serve.set_defaults(action=None, remote=None)
    node_words.configure_config(groups.add_parser("config", help="what nodes should be"))
    node_words.configure_command(groups.add_parser("command", help="what nodes are told to do"))


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the chosen action."""
    action: _Action | None = arguments.action
    if action is None and arguments.remote is None:
        return _serve(load(ServeSettings, environ))
    url = load(GatewaySettings, environ).database_url
    try:
        if action is None:
            asyncio.run(arguments.remote(arguments, url))
        else:
            action(arguments, StoredRecognitions(url))
    except (GatewayError, MalformedName) as error:
        raise WrongSetting(str(error)) from error
    return 0


command = Command("give devices credentials, and tell nodes what to be and do", configure, run)


def _serve(settings: ServeSettings) -> int:
    servers = broker_url.parse_all(settings.mqtt_url, _password(settings.mqtt_password_file))
    logs.configure("gateway", style=settings.log, level=settings.log_level)
    registry, health = process_registry(), Health(["database", "broker"])
    courier = Courier(settings.database_url, servers, SystemClock(), health, Metrics(registry))

    async def main(stop: asyncio.Event) -> int:
        operations = OperationsServer(health, settings.ops_port, registry, preferred_port=_OPS_PORT)
        await operations.start()
        working = asyncio.create_task(courier.run())
        try:
            await asyncio.wait((working, asyncio.create_task(stop.wait())), return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)
            await operations.stop()
        return 0

    return run_until_stopped(main)


def _password(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return (file.read_text("utf-8").splitlines() or [""])[0].strip()
    except OSError as error:
        raise WrongSetting(f"SILOSCOPE_MQTT_PASSWORD_FILE: cannot read {file}: {error.strerror}") from error


def _configure_credential(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make one and show it once")
    add.set_defaults(action=_add)
    kinds = add.add_subparsers(required=True, metavar="KIND", dest="kind")
    node = kinds.add_parser("node", help="an edge agent, or a device with a name of its own")
    site = kinds.add_parser("site", help="all plain devices of a site together")
    for each in (node, site):
        each.add_argument("organisation")
        each.add_argument("site")
    node.add_argument("node")
    kinds.add_parser("ingest", help="the service that stores")
    kinds.add_parser("monitor", help="reads who is alive")
    kinds.add_parser("gateway", help="tells nodes what to be and do")
    actions.add_parser("list", help="list the living ones").set_defaults(action=_list)
    revoke = actions.add_parser("revoke", help="let nobody in with it any more")
    revoke.add_argument("username")
    revoke.set_defaults(action=_revoke)


def _configure_render(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("broker", choices=("nats", "mosquitto"))
    parser.add_argument("--directory", type=Path, required=True, help="where the files go, and the broker's data")
    parser.add_argument("--host", default="127.0.0.1", help="address that the broker listens on (%(default)s)")
    parser.add_argument("--port", type=int, default=1883, help="MQTT port (%(default)s)")
    nats = parser.add_argument_group("NATS with several servers, or with ingest on another machine")
    nats.add_argument("--client-host", default="127.0.0.1", help="address for ingest's pulls and routes (%(default)s)")
    nats.add_argument("--client-port", type=int, default=4222, help="port for ingest's pulls (%(default)s)")
    nats.add_argument("--server", help="name of this server, unlike the others'; makes it one of a cluster")
    nats.add_argument("--cluster-port", type=int, default=6222, help="port for the other servers (%(default)s)")
    nats.add_argument("--peer", action="append", default=[], metavar="HOST:PORT", help="cluster port of each server")
    nats.add_argument("--cluster-password-file", type=Path, help="file whose first line all servers know")
    nats.add_argument("--replicas", type=int, default=3, help="servers that keep each message (%(default)s)")
    parser.set_defaults(action=_render)


def _add(arguments: argparse.Namespace, recognitions: StoredRecognitions) -> None:
    principal = _principal(arguments)
    credential, recognition = issue(principal)
    recognitions.add(recognition)
    print(f"username: {credential.username}\npassword: {credential.password}")
    for verb, topics in (("publishes", principal.permissions.publish), ("reads", principal.permissions.subscribe)):
        for topic in topics:
            print(f"{verb}: {topic}")
    print("The password is shown only now. A running `siloscope up` lets it in within seconds; any other broker after")
    print("`siloscope gateway render` and a reload.")


def _principal(arguments: argparse.Namespace) -> Principal:
    if arguments.kind == "node":
        return Principal.of_node(NodeName.of(arguments.organisation, arguments.site, arguments.node))
    if arguments.kind == "site":
        return Principal.of_site(arguments.organisation, arguments.site)
    return {"ingest": Principal.ingest, "monitor": Principal.monitor, "gateway": Principal.gateway}[arguments.kind]()


def _list(_: argparse.Namespace, recognitions: StoredRecognitions) -> None:
    for each in recognitions.living():
        print(each.username)


def _revoke(arguments: argparse.Namespace, recognitions: StoredRecognitions) -> None:
    recognitions.revoke(arguments.username)
    print(f"revoked {arguments.username}")


def _render(arguments: argparse.Namespace, recognitions: StoredRecognitions) -> None:
    folder = arguments.directory.absolute()
    cluster = _cluster(arguments)
    living = recognitions.living()
    try:
        if arguments.broker == "nats":
            written = broker_files.write_nats(
                folder,
                arguments.host,
                arguments.port,
                living,
                client_host=arguments.client_host,
                client_port=arguments.client_port,
                cluster=cluster,
            )
        else:
            written = broker_files.write_mosquitto(folder, arguments.host, arguments.port, living)
    except OSError as error:
        raise WrongSetting(f"cannot write {error.filename}: {error.strerror}") from error
    for path in written:
        print(f"wrote {path}")


def _cluster(arguments: argparse.Namespace) -> NatsCluster | None:
    if arguments.server is None:
        return None
    if arguments.broker != "nats" or not arguments.peer or arguments.cluster_password_file is None:
        raise WrongSetting("--server: expected nats, with --peer of each server and --cluster-password-file")
    try:
        password = (arguments.cluster_password_file.read_text("utf-8").splitlines() or [""])[0].strip()
    except OSError as error:
        raise WrongSetting(f"cannot read {arguments.cluster_password_file}: {error.strerror}") from error
    if not password:
        raise WrongSetting(f"{arguments.cluster_password_file}: found no password in its first line")
    return NatsCluster(
        arguments.server, arguments.cluster_port, tuple(arguments.peer), password, replicas=arguments.replicas
    )
