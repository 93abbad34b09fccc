"""`siloscope gateway config …` and `… command …`: set what a node should be, tell it to do something, and look."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from siloscope_contract.commands import CommandKind, unpacked_bundle
from siloscope_contract.desired import LONGEST_CONFIRM_S, require_sections
from siloscope_contract.errors import ContractError
from siloscope_contract.topics import NodeName
from siloscope_gateway.errors import DocumentWrong, NodeUnknown
from siloscope_process.documents import Document
from siloscope_store import node_commands, node_configs
from siloscope_store.connections import Connected, connect_async, one_line_refusals
from siloscope_store.node_commands import StoredCommand
from siloscope_store.node_configs import NewVersion, StoredVersion

AUTHOR = "command:siloscope gateway"
_SHOWN = 20


def configure_config(parser: argparse.ArgumentParser) -> None:
    """Add the actions on configurations."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    setting = _action(actions, "set", "make this what the node should be; it answers whether it is", set_config)
    setting.add_argument(
        "file", type=Path, help="YAML: what differs from the file at the site; an empty one takes all back"
    )
    setting.add_argument("--comment", default="", help="why")
    setting.add_argument(
        "--confirm-within", type=float, default=120.0, metavar="SECONDS", help="time for link and devices (%(default)g)"
    )
    setting.add_argument("--may-be-silent", action="append", default=[], metavar="DEVICE", help="need not answer yet")
    setting.add_argument("--expect-version", type=int, metavar="N", help="refuse if the newest version is another")
    _action(actions, "show", "what the node should be, and what it says", show_config)
    _action(actions, "history", "every version, who set it, and what became of it", show_history)


def configure_command(parser: argparse.ArgumentParser) -> None:
    """Add the actions on commands."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    send = _action(actions, "send", "tell the node to do something", send_command)
    send.add_argument("kind", choices=[each.value for each in CommandKind])
    send.add_argument("--argument", action="append", default=[], metavar="NAME=JSON", help="devices='[\"head-1\"]'")
    send.add_argument("--valid-for", type=float, default=300.0, metavar="SECONDS", help="then it expires (%(default)g)")
    show = _action(actions, "show", "what came of a command", show_command)
    show.add_argument("command_id", metavar="ID")
    show.add_argument("--bundle", type=Path, metavar="FILE", help="write the diagnostics that it brought")
    _action(actions, "list", "the newest commands", list_commands)


async def set_config(arguments: argparse.Namespace, url: str) -> None:
    """Add a version."""
    document = _document(arguments.file)
    if not 1 <= arguments.confirm_within <= LONGEST_CONFIRM_S:
        found, expected = f"{arguments.confirm_within:g}", f"1 to {LONGEST_CONFIRM_S:g} seconds"
        raise DocumentWrong(f"--confirm-within: found {found}, expected {expected}")
    async with _node(arguments, url) as (connection, org_id, node_id):
        new = NewVersion(
            document,
            AUTHOR,
            arguments.comment,
            arguments.confirm_within,
            tuple(arguments.may_be_silent),
            arguments.expect_version,
        )
        version = await node_configs.set_desired(connection, org_id, node_id, new)
    assert version is not None, "the node was just found"
    print(f"version {version.version} of {_name(arguments)}; `config show` says what the node makes of it")


async def show_config(arguments: argparse.Namespace, url: str) -> None:
    """Print the newest version and what the node says."""
    async with _node(arguments, url) as (connection, org_id, node_id):
        versions = await node_configs.versions(connection, org_id, node_id, limit=1)
        state = await node_configs.state(connection, org_id, node_id)
    for version in versions:
        _print_version(version)
        print(_pretty(version.document))
    if not versions:
        print("nothing was set: the file at the site counts alone")
    print(f"the node said at {state.at.isoformat()}:\n{_pretty(state.state)}" if state else "the node said nothing yet")


async def show_history(arguments: argparse.Namespace, url: str) -> None:
    """Print versions, the newest first."""
    async with _node(arguments, url) as (connection, org_id, node_id):
        for version in await node_configs.versions(connection, org_id, node_id, limit=1000):
            _print_version(version)


async def send_command(arguments: argparse.Namespace, url: str) -> None:
    """Give a command."""
    told = dict(_argument(each) for each in arguments.argument)
    kind = CommandKind(arguments.kind)
    async with _node(arguments, url) as (connection, org_id, node_id):
        given = await node_commands.give(
            connection, org_id, node_id, kind, told, issuer=AUTHOR, valid_for_s=arguments.valid_for
        )
    assert given is not None, "the node was just found"
    print(given.command_id)


async def show_command(arguments: argparse.Namespace, url: str) -> None:
    """Print what came of a command, and write its bundle."""
    async with _node(arguments, url) as (connection, org_id, node_id):
        found = await node_commands.one(connection, org_id, node_id, arguments.command_id)
        bundle = await node_commands.bundle(connection, org_id, node_id, arguments.command_id)
    if found is None:
        raise DocumentWrong(
            f"{_name(arguments)} was given no command {arguments.command_id!r}; `command list` shows all"
        )
    _print_command(found)
    print(_pretty(found.result))
    if arguments.bundle is not None:
        if bundle is None:
            raise DocumentWrong(f"command {found.command_id} brought no diagnostics that are still kept")
        arguments.bundle.write_bytes(msgspec.json.format(unpacked_bundle(bundle)) + b"\n")


async def list_commands(arguments: argparse.Namespace, url: str) -> None:
    """Print the newest commands."""
    async with _node(arguments, url) as (connection, org_id, node_id):
        for each in await node_commands.page(connection, org_id, node_id, limit=_SHOWN):
            _print_command(each)


def _action(actions: Any, name: str, summary: str, action: Any) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    for part in ("organisation", "site", "node"):
        parser.add_argument(part)
    parser.set_defaults(action=None, remote=action)
    return parser


@asynccontextmanager
async def _node(arguments: argparse.Namespace, url: str) -> AsyncIterator[tuple[Connected, int, int]]:
    name = _name(arguments)
    async with await connect_async(url, application_name="siloscope gateway", autocommit=True) as connection:
        with one_line_refusals(url):
            found = await node_configs.node_named(connection, name)
            if found is None:
                raise NodeUnknown(str(name))
            yield connection, *found


def _name(arguments: argparse.Namespace) -> NodeName:
    return NodeName.of(arguments.organisation, arguments.site, arguments.node)


def _document(file: Path) -> dict[str, Any]:
    data = Document.read(file).data
    found = {} if data is None else data
    if not isinstance(found, dict):
        raise DocumentWrong(f"{file}: found no mapping, expected what differs from the file at the site")
    try:
        require_sections(found)
    except ContractError as error:
        raise DocumentWrong(f"{file}: {error}") from error
    plain: dict[str, Any] = msgspec.to_builtins(found)
    return plain


def _argument(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    try:
        if not equals:
            raise msgspec.DecodeError("no =")
        return name, msgspec.json.decode(value)
    except msgspec.DecodeError as error:
        raise DocumentWrong(f"--argument: found {text!r} ({error}), expected NAME=JSON, as for_s=60") from error


def _print_version(version: StoredVersion) -> None:
    published = "published" if version.published_at else "not published yet"
    said = version.outcome or "the node said nothing yet"
    print(
        f"version {version.version}\t{version.at.isoformat()}\t{version.author}\t{published}\t{said}\t{version.comment}"
    )
    for reason in version.reasons:
        print(f"\t{reason}")


def _print_command(found: StoredCommand) -> None:
    print(f"{found.command_id}\t{found.kind}\t{found.issued_at.isoformat()}\t{found.issuer}\t{found.state}")


def _pretty(found: object) -> str:
    return msgspec.json.format(msgspec.json.encode(found)).decode()
