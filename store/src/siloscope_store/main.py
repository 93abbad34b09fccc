"""`siloscope db`: migrate the database; apply sites, places and users."""

import argparse
from collections.abc import Callable, Mapping

from siloscope_process.command_line import Command
from siloscope_process.settings import load
from siloscope_store import schema, tenancy
from siloscope_store.connections import connect, place_of
from siloscope_store.settings import DatabaseSettings

_APPLICATION = "siloscope db"
_Action = Callable[[argparse.Namespace, str], None]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    migrate = _action(actions, "migrate", _migrate, "bring the database up to date")
    direction = migrate.add_mutually_exclusive_group()
    direction.add_argument("--to", metavar="MIGRATION", help="stop after this migration")
    direction.add_argument("--rollback", metavar="N", type=_count, help="take back the newest N, with their rows")
    _action(actions, "status", _status, "list the migrations and whether the database has them")
    roles = actions.add_parser("tenant-role", help="database logins that see one organisation").add_subparsers(
        required=True, metavar="ACTION"
    )
    create = _action(roles, "create", _create_role, "create a login and print its password once")
    create.add_argument("organisation")
    create.add_argument("name")
    _action(roles, "drop", _drop_role, "remove a login").add_argument("name")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the chosen action."""
    action: _Action = arguments.action
    action(arguments, load(DatabaseSettings, environ).database_url)
    return 0


command = Command("migrate the database; apply sites, places and users", configure, run)


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, action: _Action, summary: str
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=summary, description=summary)
    parser.set_defaults(action=action)
    return parser


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count


def _migrate(arguments: argparse.Namespace, url: str) -> None:
    if arguments.rollback:
        for name in schema.roll_back(url, arguments.rollback):
            print(f"took back {name}")
        return
    applied = schema.migrate(url, to=arguments.to)
    for name in applied:
        print(f"applied {name}")
    if not applied:
        print(f"{place_of(url)} is up to date")


def _status(_: argparse.Namespace, url: str) -> None:
    with connect(url, application_name=_APPLICATION) as connection:
        for state in schema.states(connection):
            print(f"{'applied' if state.applied else 'missing'}  {state.name}")


def _create_role(arguments: argparse.Namespace, url: str) -> None:
    with connect(url, application_name=_APPLICATION) as connection:
        password = tenancy.create_role(connection, arguments.organisation, arguments.name)
    print(f"created the database login {arguments.name}; its password is shown only now:\n{password}")


def _drop_role(arguments: argparse.Namespace, url: str) -> None:
    with connect(url, application_name=_APPLICATION) as connection:
        tenancy.drop_role(connection, arguments.name)
    print(f"removed the database login {arguments.name}")
