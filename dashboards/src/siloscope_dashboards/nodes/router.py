"""GET, PUT /nodes/{node_id}/config; GET /nodes/{node_id}/config/versions; GET, POST /nodes/{node_id}/commands …"""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from siloscope_contract.commands import MAX_COMMAND_BYTES, CommandKind, unpacked_bundle
from siloscope_contract.desired import require_sections
from siloscope_contract.errors import ContractError
from siloscope_contract.storable import require_storable
from siloscope_dashboards.auth.guard import Administrator, LoggedIn, Operator
from siloscope_dashboards.errors import Fault, Forbidden, Malformed, NotFound
from siloscope_dashboards.nodes.models import (
    ConfigVersion,
    ConfigVersions,
    NewCommand,
    NewConfig,
    NodeCommand,
    NodeCommands,
    NodeConfig,
)
from siloscope_dashboards.pages import LARGEST_ID, SLUG, PathId, QueryCursor
from siloscope_dashboards.problems import documented
from siloscope_dashboards.wiring import NodesPort

MOST_ROWS, DEFAULT_ROWS = 500, 100
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS)]
CommandId = Annotated[str, Path(pattern=SLUG)]
OF_OPERATORS = (CommandKind.READ_NOW, CommandKind.IDENTIFY)
"""What changes nothing; the others are for administrators."""

router = APIRouter(tags=["nodes"], responses=documented(401))


@router.get("/nodes/{node_id}/config", responses=documented(404))
async def show_config(node_id: PathId, login: LoggedIn, nodes: NodesPort) -> NodeConfig:
    """Return what a node should be, and what it says that it is."""
    found = await nodes.config(login.identity.org_id, node_id)
    if found is None:
        raise NotFound("node", node_id)
    return found


@router.put("/nodes/{node_id}/config", responses=documented(403, 404, 409))
async def set_config(node_id: PathId, new: NewConfig, login: Administrator, nodes: NodesPort) -> ConfigVersion:
    """Make this what the node should be: a new version, which it applies, refuses or takes back by itself."""
    try:
        require_sections(new.document)
    except ContractError as error:
        faults = [Fault(f"body.{error.place}", f"{error.expected}, found {error.found!r}")]
        raise Malformed(f"body.{error}", faults=faults) from error
    found = await nodes.set_config(login.identity, node_id, new)
    if found is None:
        raise NotFound("node", node_id)
    return found


@router.get("/nodes/{node_id}/config/versions", responses=documented(404))
async def list_versions(
    node_id: PathId, login: LoggedIn, nodes: NodesPort, limit: Limit = DEFAULT_ROWS, cursor: QueryCursor = None
) -> ConfigVersions:
    """Return every version, who set it and what became of it, newest first."""
    below = None if cursor is None else min(int(cursor), LARGEST_ID)
    found = await nodes.versions(login.identity.org_id, node_id, limit, below)
    if found is None:
        raise NotFound("node", node_id)
    return found


@router.get("/nodes/{node_id}/commands", responses=documented(404))
async def list_commands(
    node_id: PathId, login: LoggedIn, nodes: NodesPort, limit: Limit = DEFAULT_ROWS
) -> NodeCommands:
    """Return what a node was told to do and what came of it, newest first."""
    found = await nodes.commands(login.identity.org_id, node_id, limit)
    if found is None:
        raise NotFound("node", node_id)
    return found


@router.post("/nodes/{node_id}/commands", responses=documented(403, 404))
async def give_command(node_id: PathId, new: NewCommand, login: Operator, nodes: NodesPort) -> NodeCommand:
    """Tell a node to do something: once, and before it expires."""
    if new.kind not in OF_OPERATORS and login.identity.role != "administrator":
        raise Forbidden(f"{new.kind.value} is for administrators; {login.identity.username} is {login.identity.role}")
    try:
        require_storable(new.arguments, "arguments", MAX_COMMAND_BYTES // 2)
    except ContractError as error:
        raise Malformed(f"body.{error}", faults=[Fault("body.arguments", error.expected)]) from error
    found = await nodes.give(login.identity, node_id, new)
    if found is None:
        raise NotFound("node", node_id)
    return found


@router.get("/nodes/{node_id}/commands/{command_id}", responses=documented(404))
async def show_command(node_id: PathId, command_id: CommandId, login: LoggedIn, nodes: NodesPort) -> NodeCommand:
    """Return one command and its result."""
    found = await nodes.command(login.identity.org_id, node_id, command_id)
    if found is None:
        raise NotFound("command", command_id)
    return found


@router.get("/nodes/{node_id}/commands/{command_id}/bundle", responses=documented(404))
async def show_bundle(node_id: PathId, command_id: CommandId, login: LoggedIn, nodes: NodesPort) -> Response:
    """Return the diagnostics that a command brought, as JSON; there are no secrets in them."""
    found = await nodes.bundle(login.identity.org_id, node_id, command_id)
    if found is None:
        raise NotFound("bundle of command", command_id)
    try:
        return Response(unpacked_bundle(found), media_type="application/json")
    except ContractError as error:
        raise NotFound("readable bundle of command", command_id) from error
