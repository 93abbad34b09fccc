"""What the database must hold before anything else can start; done again, it changes nothing."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from siloscope_contract.topics import NodeName
from siloscope_deploy.local.endpoints import Endpoints
from siloscope_deploy.local.farm_layout import farm_layout
from siloscope_deploy.local.keyring import Keyring
from siloscope_gateway.credentials import Recognition
from siloscope_gateway.ports import RecognitionStore
from siloscope_gateway.principals import Principal
from siloscope_gateway.recognitions import StoredRecognitions
from siloscope_process.errors import Stop
from siloscope_store import layout_apply, schema
from siloscope_store.connections import connect

_APPLICATION = "siloscope up"


def migrate(url: str) -> None:
    """Bring the schema up to date."""
    schema.migrate(url)


def recognitions(url: str) -> RecognitionStore:
    """Return the table of broker credentials."""
    return StoredRecognitions(url, actor=f"command:{_APPLICATION}")


def provision(url: str, found: Endpoints, secrets: Path, at: datetime) -> Keyring:
    """Make the farm's sites and places, and credentials for everybody who connects to the broker.

    Args:
        url: The database, with today's schema.
        found: What the simulator opened.
        secrets: Where plain credentials are kept.
        at: When placements that change do so.
    """
    with connect(url, application_name=_APPLICATION) as connection:
        layout_apply.apply(connection, farm_layout(found), at=at)
    keyring = Keyring(secrets, recognitions(url))
    keyring.credential(Principal.ingest())
    keyring.credential(Principal.gateway())
    for site in found.sites:
        keyring.credential(Principal.of_site(found.organisation, site.name))
    for site_name, node in found.nodes:
        keyring.credential(Principal.of_node(NodeName.of(found.organisation, site_name, node)))
    return keyring


def living_or_none(store: RecognitionStore) -> Sequence[Recognition] | None:
    """Return who may connect; None while the database is away."""
    try:
        return store.living()
    except Stop:
        return None
