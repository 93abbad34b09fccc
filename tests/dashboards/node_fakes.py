"""Nodes that are in no database: one for each organisation."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from siloscope_contract.commands import packed_bundle
from siloscope_dashboards.auth.tokens import Identity
from siloscope_dashboards.errors import Conflict
from siloscope_dashboards.nodes.models import (
    ConfigVersion,
    ConfigVersions,
    NewCommand,
    NewConfig,
    NodeCommand,
    NodeCommands,
    NodeConfig,
)

AT = datetime(2024, 1, 1, tzinfo=UTC)


def version(document: dict[str, Any], author: str = "user:ada") -> ConfigVersion:
    """The one version of a node."""
    known: dict[str, Any] = dict.fromkeys(ConfigVersion.model_fields)
    known |= {"version": 1, "document": document, "confirm_within_s": 120.0, "may_be_silent": [], "author": author}
    return ConfigVersion.model_validate({**known, "comment": "", "at": AT, "reasons": []})


def command(node_id: int, kind: str = "diagnostics") -> NodeCommand:
    """The one command to a node."""
    known: dict[str, Any] = dict.fromkeys(NodeCommand.model_fields)
    known |= {"id": str(node_id), "node_id": node_id, "kind": kind, "arguments": {}, "issuer": "user:ada"}
    known |= {"issued_at": AT, "expires_at": AT, "sends": 1, "state": "done", "has_bundle": True}
    return NodeCommand.model_validate(known)


@dataclass
class FakeNodes:
    """The node of an organisation has its number tenfold, and so has its command."""

    check: Any
    changed: list[NewConfig] = field(default_factory=list)
    given: list[NewCommand] = field(default_factory=list)

    async def config(self, org_id: int, node_id: int) -> NodeConfig | None:
        if not self._has(org_id, node_id):
            return None
        return NodeConfig(node_id=node_id, desired=version({}), reported={}, reported_at=AT, state="waiting")

    async def set_config(self, identity: Identity, node_id: int, new: NewConfig) -> ConfigVersion | None:
        if not self._has(identity.org_id, node_id):
            return None
        if new.expected_version not in (None, 1):
            raise Conflict("the newest version is 1")
        self.changed.append(new)
        return version(new.document, f"user:{identity.username}")

    async def versions(self, org_id: int, node_id: int, limit: int, below: int | None) -> ConfigVersions | None:
        return ConfigVersions(items=[version({})]) if self._has(org_id, node_id) else None

    async def give(self, identity: Identity, node_id: int, new: NewCommand) -> NodeCommand | None:
        if not self._has(identity.org_id, node_id):
            return None
        self.given.append(new)
        return command(node_id, new.kind.value)

    async def commands(self, org_id: int, node_id: int, limit: int) -> NodeCommands | None:
        return NodeCommands(items=[command(node_id)]) if self._has(org_id, node_id) else None

    async def command(self, org_id: int, node_id: int, command_id: str) -> NodeCommand | None:
        return command(node_id) if self._has(org_id, node_id) and command_id == str(node_id) else None

    async def bundle(self, org_id: int, node_id: int, command_id: str) -> bytes | None:
        return packed_bundle({"log": []}) if self._has(org_id, node_id) and command_id == str(node_id) else None

    def _has(self, org_id: int, node_id: int) -> bool:
        self.check()
        return node_id == org_id * 10
