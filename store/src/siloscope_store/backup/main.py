"""`siloscope db backup`: whether the server is set up for backups, and what is to be said after one was put back."""

from siloscope_process.errors import WrongSetting
from siloscope_store import audit, schema
from siloscope_store.backup import generation, readiness
from siloscope_store.orders import ACTOR, Actions, Order, action


def configure(actions: Actions) -> None:
    """Add the words."""
    action(actions, "check", _check, "say whether this server can be restored to any moment; fails where it cannot")
    action(actions, "restored", _restored, "say that a backup or snapshot was put back: edges send again what it lacks")


def _check(order: Order) -> None:
    with order.connect() as connection:
        schema.require_current(connection)
        found, state = readiness.settings(connection), readiness.archiver(connection)
    lines = readiness.problems(found, state, at=order.clock.now())
    for name in readiness.SETTINGS:
        print(f"{name:<16}  {found.get(name, '')}")
    last = "never" if state.last_at is None else f"{state.last_at:%Y-%m-%d %H:%M:%S} UTC"
    print(f"WAL archived      {state.archived} files, last {last}; {state.failed} failures")
    if lines:
        raise WrongSetting("; ".join(lines))


def _restored(order: Order) -> None:
    with order.connect() as connection:
        schema.require_current(connection)
        renewed = generation.renew(connection)
        audit.record(connection, audit.Deed(ACTOR, "backup.restored", renewed or ""))
    if renewed is None:
        print("this database has no identity yet: it gets one when ingest meets it first")
    else:
        print(f"generation {renewed}: running ingests begin anew, and edges offer again what is not here")
