"""Broker credentials and the audit trail."""

from typing import Any

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_store import audit, credentials
from siloscope_store.errors import NameTaken, NameUnknown
from tests.store.farm import Farm


@pytest.mark.parametrize(
    ("owner_slugs", "message"),
    [
        ({"org": "nobody", "site": "yard"}, "no organisation is named 'nobody'"),
        ({"org": "ours", "site": "moon"}, "no site of ours is named 'moon'"),
    ],
)
def test_a_credential_needs_an_owner(
    owner: Connection[Any], farm: Farm, owner_slugs: dict[str, str], message: str
) -> None:
    with pytest.raises(NameUnknown, match=message):
        credentials.add(owner, "site", "site.x", **owner_slugs)
    assert credentials.organisations(owner) == ["ours"]
    assert credentials.sites_of(owner, "ours") == ["yard"]


def test_a_credential_lives_until_it_is_revoked_and_its_name_is_never_given_again(
    owner: Connection[Any], farm: Farm
) -> None:
    credentials.add(owner, "node", "node.1", org="ours", site="yard", node="new-pi", nats_hash="n", mosquitto_hash="m")
    credentials.add(owner, "node", "node.2", org="ours", site="yard", node="pi")
    credentials.add(owner, "site", "site.1", org="ours", site="yard")
    credentials.add(owner, "ingest", "ingest.1")
    with pytest.raises(NameTaken):
        credentials.add(owner, "ingest", "ingest.1")
    credentials.revoke(owner, "node.2")
    with pytest.raises(NameUnknown):
        credentials.revoke(owner, "node.2")
    with pytest.raises(NameTaken):
        credentials.add(owner, "node", "node.2", org="ours", site="yard", node="pi")
    found = [(c.kind, c.org, c.site, c.node, c.username, c.nats_hash) for c in credentials.living(owner)]
    assert found == [
        ("node", "ours", "yard", "new-pi", "node.1", "n"),
        ("site", "ours", "yard", None, "site.1", None),
        ("ingest", None, None, None, "ingest.1", None),
    ]
    assert owner.execute("SELECT slug FROM node ORDER BY slug").fetchall() == [("new-pi",), ("pi",)]


async def test_the_audit_trail_is_an_organisations_own(
    connection: AsyncConnection[Any], owner: Connection[Any], farm: Farm, foreign: Farm
) -> None:
    audit.record(owner, audit.Deed("user:ada", "place.rename", "bin-1", {"from": "Bin 1"}), organisation="ours")
    await audit.record_for(connection, audit.Deed("user:eve", "login.refuse", "eve"), foreign.org_id)
    (ours,) = await audit.newest(connection, farm.org_id, limit=10)
    assert (ours.actor, ours.action, ours.subject, ours.detail) == (
        *("user:ada", "place.rename", "bin-1"),
        {"from": "Bin 1"},
    )
