"""Whether nodes know more of the database than is in it: then it has gone back in time."""

import structlog

from siloscope_contract.births import Birth, EpochSpan
from siloscope_contract.packs import Epoch
from siloscope_ingest.database import Connection
from siloscope_ingest.errors import StoreChanged
from siloscope_ingest.nodes import KnownNode
from siloscope_ingest.presence import is_possible
from siloscope_store import watermarks

_log = structlog.get_logger(__name__)


async def check_trust(connection: Connection, node: KnownNode, birth: Birth) -> None:
    """Change the generation where a node was told more than is here.

    Raises:
        StoreChanged: It was.
    """
    believed = await watermarks.identity(connection)
    if (birth.store, birth.generation) != (believed.store, believed.generation):
        return
    told = {each: below for each, below in birth.committed.items() if is_possible(EpochSpan(Epoch(each), 0, below))}
    here = await watermarks.belows(connection, node.node_id, list(told)) if told else {}
    for epoch, below in told.items():
        if below > here.get(epoch, 1):
            _log.error("database_went_back", node=str(node.name), epoch=epoch, told=below, found=here.get(epoch))
            await watermarks.lose_trust(connection, believed)
            raise StoreChanged(f"{node.name} was told of numbers below {below} of {epoch}, and they are not here")
