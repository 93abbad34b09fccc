"""What brokers know of credentials: whose each is, and hashes of its password; never a password."""

from datetime import datetime
from typing import Any

import msgspec
from psycopg import Connection
from psycopg.rows import class_row

from siloscope_store.errors import NameTaken, NameUnknown
from siloscope_store.statements import statements

_SQL = statements("credentials.sql")


class BrokerCredential(msgspec.Struct, frozen=True):
    """A living credential; a site's has no node, a service's has neither organisation nor site."""

    kind: str
    org: str | None
    site: str | None
    node: str | None
    username: str
    nats_hash: str | None
    mosquitto_hash: str | None
    created_at: datetime


def add(
    connection: Connection[Any],
    kind: str,
    username: str,
    *,
    org: str | None = None,
    site: str | None = None,
    node: str | None = None,
    nats_hash: str | None = None,
    mosquitto_hash: str | None = None,
) -> None:
    """Keep one more credential; a node that does not exist yet is made.

    Args:
        connection: To the database.
        kind: node, site, ingest, monitor or gateway.
        username: Unique on the broker.
        org, site, node: Slugs, as far as the kind has them.
        nats_hash, mosquitto_hash: What each broker compares the password with.

    Raises:
        NameUnknown: No such organisation or site.
        NameTaken: There is, or was, a credential of that user name.
    """
    with connection.transaction():
        org_id, site_id, node_id = _owner(connection, org, site, node)
        row = {"org_id": org_id, "kind": kind, "site_id": site_id, "node_id": node_id, "username": username}
        hashes = {"nats_hash": nats_hash, "mosquitto_hash": mosquitto_hash}
        if connection.execute(_SQL["add"], {**row, **hashes}).fetchone() is None:
            raise NameTaken("broker credential", username)


def living(connection: Connection[Any]) -> list[BrokerCredential]:
    """Return all credentials that are not revoked, oldest first."""
    with connection.cursor(row_factory=class_row(BrokerCredential)) as rows:
        return rows.execute(_SQL["living"]).fetchall()


def revoke(connection: Connection[Any], username: str) -> None:
    """Let nobody in with it any more.

    Raises:
        NameUnknown: There is no such living credential.
    """
    if connection.execute(_SQL["revoke"], {"username": username}).fetchone() is None:
        raise NameUnknown("broker credential", username)


def organisations(connection: Connection[Any]) -> list[str]:
    """Return the slugs of all organisations, for a message that says what there is."""
    return [slug for (slug,) in connection.execute(_SQL["organisations"]).fetchall()]


def sites_of(connection: Connection[Any], org: str) -> list[str]:
    """Return the slugs of an organisation's sites."""
    return [slug for (slug,) in connection.execute(_SQL["sites"], {"org": org}).fetchall()]


def _owner(
    connection: Connection[Any], org: str | None, site: str | None, node: str | None
) -> tuple[int | None, int | None, int | None]:
    if org is None:
        return None, None, None
    found = connection.execute(_SQL["owner"], {"org": org, "site": site}).fetchone()
    if found is None:
        raise NameUnknown("organisation", org)
    org_id, site_id = found
    if site is None:
        return org_id, None, None
    if site_id is None:
        raise NameUnknown(f"site of {org}", site)
    if node is None:
        return org_id, site_id, None
    made = connection.execute(_SQL["make_node"], {"org_id": org_id, "site_id": site_id, "node": node}).fetchone()
    assert made is not None
    return org_id, site_id, made[0]
