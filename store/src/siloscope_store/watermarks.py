"""What the store has committed, as nodes are told: identity, generation, and each epoch's accounted ranges."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from siloscope_contract.packs import Epoch
from siloscope_contract.topics import NodeName
from siloscope_contract.watermarks import MAX_ANSWERED, Watermark, mark
from siloscope_store.ranges import Range, merged
from siloscope_store.statements import statements

_SQL = statements("watermarks.sql")
Connection = AsyncConnection[Any]

MOST_EPOCHS = 64
_MOST_ANNOUNCED = 700  # ids that fit into a notification's 8 000 bytes
_RANGE = re.compile(r"\[(\d+),(\d+)\)")


@dataclass(frozen=True)
class Identity:
    """Which database this is, and since which restore or promotion."""

    store: str
    generation: str


async def identify(connection: Connection) -> tuple[Identity, bool]:
    """Return the store's identity, and whether its generation is new.

    A database that was restored into another cluster, or promoted, says so by the server's identifier or timeline.
    """
    row = await (await connection.execute(_SQL["server_identity"])).fetchone()
    assert row is not None
    server = {"system_identifier": row[0], "timeline": row[1]}
    await connection.execute(_SQL["create_identity"], server)
    async with connection.transaction():
        kept = await (await connection.execute(_SQL["lock_identity"])).fetchone()
        assert kept is not None
        if (kept[2], kept[3]) == row:
            return _identity(kept[0], kept[1]), False
        return await _new_generation(connection, server), True


async def identity(connection: Connection) -> Identity:
    """Return the identity as it is committed now; another worker may have made it new."""
    row = await (await connection.execute(_SQL["identity"])).fetchone()
    assert row is not None
    return _identity(row[0], row[1])


async def session_secret(connection: Connection) -> str:
    """Return what the client ids of ingest's sessions with its broker follow from; nobody else is told."""
    row = await (await connection.execute(_SQL["session_secret"])).fetchone()
    assert row is not None
    return str(row[0])


async def lose_trust(connection: Connection, believed: Identity) -> Identity:
    """Make the generation new, unless another worker just did: a node has seen more committed than is there."""
    async with connection.transaction():
        kept = await (await connection.execute(_SQL["lock_identity"])).fetchone()
        assert kept is not None
        if str(kept[1]) != believed.generation:
            return _identity(kept[0], kept[1])
        return await _new_generation(connection, {"system_identifier": kept[2], "timeline": kept[3]})


async def try_lead(connection: Connection) -> bool:
    """Try to become the one publisher of this database; holds as long as the session."""
    row = await (await connection.execute(_SQL["try_lead"])).fetchone()
    return row == (True,)


async def listen(connection: Connection) -> None:
    """Hear what other workers announce."""
    await connection.execute(_SQL["listen"])


async def announce(connection: Connection, node_ids: Sequence[int]) -> None:
    """Tell the publisher which nodes have news, from a worker that is not it."""
    for start in range(0, len(node_ids), _MOST_ANNOUNCED):
        text = ",".join(map(str, node_ids[start : start + _MOST_ANNOUNCED]))
        await connection.execute(_SQL["announce"], {"node_ids": text})


def announced(payload: str) -> list[int]:
    """Return the nodes that an announcement names."""
    return [int(text) for text in payload.split(",") if text.isdigit()]


async def nodes_with_marks(connection: Connection) -> list[int]:
    """Return every node that a watermark can be published for."""
    return [row[0] for row in await (await connection.execute(_SQL["nodes_with_marks"])).fetchall()]


async def nodes_since(connection: Connection, seconds: float) -> list[int]:
    """Return the nodes whose ledger changed within the last seconds."""
    found = await connection.execute(_SQL["nodes_since"], {"seconds": seconds})
    return [row[0] for row in await found.fetchall()]


async def read(connection: Connection, node_ids: Sequence[int]) -> list[tuple[NodeName, Watermark]]:
    """Return the committed watermarks of nodes, from one snapshot."""
    async with connection.transaction():
        await connection.execute(_SQL["one_snapshot"])
        now = await identity(connection)
        parameters = {
            "node_ids": list(node_ids),
            "generation": now.generation,
            "most_answered": MAX_ANSWERED,
            "most_epochs": MOST_EPOCHS,
        }
        nodes = await (await connection.execute(_SQL["nodes"], parameters)).fetchall()
        epochs = await (await connection.execute(_SQL["epochs"], parameters)).fetchall()
    ranges: dict[int, dict[str, list[Range]]] = {}
    for node_id, epoch, accounted, older in epochs:
        ranges.setdefault(node_id, {})[epoch] = merged([*_parsed(accounted), *((a, b) for a, b in older or [])])
    return [
        (NodeName.of(*names), _watermark(now, list(sessions), ranges.get(node_id, {})))
        for node_id, *names, sessions in nodes
    ]


async def belows(connection: Connection, node_id: int, epochs: Sequence[str]) -> dict[str, int]:
    """Return, for those of a node's epochs that are known, the number below which all is accounted for."""
    found = await connection.execute(_SQL["named_epochs"], {"node_id": node_id, "epochs": list(epochs)})
    return {
        epoch: mark(merged([*_parsed(accounted), *((a, b) for a, b in older or [])])).below
        for epoch, accounted, older in await found.fetchall()
    }


def _watermark(now: Identity, sessions: list[str], ranges: dict[str, list[Range]]) -> Watermark:
    marks = {Epoch(epoch): mark(found) for epoch, found in sorted(ranges.items())}
    return Watermark(now.store, now.generation, sessions[::-1], marks)


def _parsed(multirange: str) -> list[Range]:
    return [(int(first), int(end)) for first, end in _RANGE.findall(multirange)]


def _identity(store: UUID, generation: UUID) -> Identity:
    return Identity(str(store), str(generation))


async def _new_generation(connection: Connection, server: dict[str, Any]) -> Identity:
    row = await (await connection.execute(_SQL["new_generation"], server)).fetchone()
    assert row is not None
    return _identity(*row)
