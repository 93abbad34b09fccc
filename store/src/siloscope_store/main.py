"""`siloscope db`: migrate the database; apply sites, places and users."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from siloscope_process.clock import SystemClock
from siloscope_process.command_line import Command
from siloscope_process.errors import WrongSetting
from siloscope_process.settings import load
from siloscope_store import audit, layout, layout_apply, quarantine_words, schema, tenancy, undated_words, users
from siloscope_store.archive import main as archive_words
from siloscope_store.backup import main as backup_words
from siloscope_store.connections import one_line_refusals, place_of
from siloscope_store.orders import ACTOR, Action, Actions, Order, action, group
from siloscope_store.retention import main as retention_words
from siloscope_store.rollups import main as rollup_words
from siloscope_store.settings import DatabaseSettings

_SHOWN_ONCE = "its password is shown only now:"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    migrate = action(actions, "migrate", _migrate, "bring the database up to date")
    direction = migrate.add_mutually_exclusive_group()
    direction.add_argument("--to", metavar="MIGRATION", help="stop after this migration")
    direction.add_argument("--rollback", metavar="N", type=_count, help="take back the newest N, with their rows")
    action(actions, "status", _status, "list the migrations and whether the database has them")
    apply = action(actions, "apply", _apply, "add or change the organisations, sites and places of a layout file")
    apply.add_argument("layout", metavar="LAYOUT.yaml", type=Path)
    _configure_users(group(actions, "user", "who may log in to the web page and the API"))
    _configure_roles(group(actions, "tenant-role", "database logins that see one organisation"))
    quarantine_words.configure(group(actions, "quarantine", "refused messages: list, show, export, try again, delete"))
    undated_words.configure(group(actions, "undated", "samples of unbelievable times: list, give them others"))
    retention_words.configure(group(actions, "retention", "how long what is kept"))
    archive_words.configure(group(actions, "archive", "raw samples as Parquet files: make, list, check, put back"))
    rollup_words.configure(group(actions, "rollups", "what hours and days say, held against their samples"))
    backup_words.configure(group(actions, "backup", "whether backups work, and what follows a restore"))


def _configure_users(actions: Actions) -> None:
    add = action(actions, "add", _add_user, "add a user and print its generated password once")
    add.add_argument("organisation")
    add.add_argument("username")
    add.add_argument("--role", choices=users.ROLES, default="viewer")
    change = action(actions, "password", _change_password, "give a user another password; its sessions end")
    change.add_argument("username")
    for parser in (add, change):
        parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")


def _configure_roles(actions: Actions) -> None:
    create = action(actions, "create", _create_role, "create a login and print its password once")
    create.add_argument("organisation")
    create.add_argument("name")
    action(actions, "drop", _drop_role, "remove a login").add_argument("name")


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the chosen action."""
    carried_out: Action = arguments.action
    settings = load(DatabaseSettings, environ)
    with one_line_refusals(settings.database_url):
        carried_out(Order(arguments, settings.database_url, SystemClock(), settings.archive_directory))
    return 0


command = Command("migrate the database; apply sites, places and users", configure, run)


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError
    return count


def _migrate(order: Order) -> None:
    if order.arguments.rollback:
        for name in schema.roll_back(order.url, order.arguments.rollback):
            print(f"took back {name}")
        return
    applied = schema.migrate(order.url, to=order.arguments.to)
    for name in applied:
        print(f"applied {name}")
    if not applied:
        print(f"{place_of(order.url)} is up to date")


def _status(order: Order) -> None:
    with order.connect() as connection:
        for state in schema.states(connection):
            print(f"{'applied' if state.applied else 'missing'}  {state.name}")


def _apply(order: Order) -> None:
    path: Path = order.arguments.layout
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSetting(f"{path}: cannot be read: {error}") from None
    with order.connect() as connection:
        schema.require_current(connection)
        wanted = layout.read(text, str(path), layout_apply.time_zones(connection))
        applied = layout_apply.apply(connection, wanted, at=order.clock.now())
    print(
        f"organisations {applied.organisations}, sites {applied.sites}, places {applied.places}; "
        f"placements: {applied.opened} begun, {applied.closed} ended, {applied.kept} as before"
    )


def _add_user(order: Order) -> None:
    username, organisation, role = (getattr(order.arguments, name) for name in ("username", "organisation", "role"))
    password = _given_password(order) or users.generated_password()
    with order.connect() as connection:
        schema.require_current(connection)
        users.add(connection, organisation, username, password, role)
        audit.record(connection, audit.Deed(ACTOR, "user.add", username, {"role": role}), organisation=organisation)
    _tell_password(order, f"added the {role} {username}", password)


def _change_password(order: Order) -> None:
    username = order.arguments.username
    password = _given_password(order) or users.generated_password()
    with order.connect() as connection:
        schema.require_current(connection)
        organisation = users.change_password(connection, username, password, at=order.clock.now())
        audit.record(connection, audit.Deed(ACTOR, "user.password", username), organisation=organisation)
    _tell_password(order, f"changed the password of {username}", password)


def _create_role(order: Order) -> None:
    name, organisation = order.arguments.name, order.arguments.organisation
    with order.connect() as connection:
        schema.require_current(connection)
        password = tenancy.create_role(connection, organisation, name)
        audit.record(connection, audit.Deed(ACTOR, "tenant_role.create", name), organisation=organisation)
    print(f"created the database login {name}; {_SHOWN_ONCE}\n{password}")


def _drop_role(order: Order) -> None:
    name = order.arguments.name
    with order.connect() as connection:
        schema.require_current(connection)
        organisation = tenancy.drop_role(connection, name)
        audit.record(connection, audit.Deed(ACTOR, "tenant_role.drop", name), organisation=organisation)
    print(f"removed the database login {name}")


def _given_password(order: Order) -> str | None:
    if not order.arguments.password_stdin:
        return None
    password = sys.stdin.readline().rstrip("\n")
    if len(password) < users.SHORTEST_PASSWORD:
        found = len(password)
        raise WrongSetting(f"the password has {found} characters; expected at least {users.SHORTEST_PASSWORD}")
    return password


def _tell_password(order: Order, deed: str, password: str) -> None:
    print(deed if order.arguments.password_stdin else f"{deed}; {_SHOWN_ONCE}\n{password}")
