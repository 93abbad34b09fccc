"""A node is told from afar what to be and do, through API, database, gateway and broker, and no sample pays for it."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from siloscope_deploy.servers.ports import free_port
from tests.system.comparison import differences
from tests.system.pairs import PAIRS
from tests.system.platform import Platform, wait_until
from tests.system.served import Served
from tests.system.spooled import read_spool
from tests.system.stored import counts, read_database
from tests.system.test_nothing_is_lost import missing_numbers

pytestmark = pytest.mark.system

DECIDED = {"applied", "refused", "rolled_back", "set_aside"}
DONE = {"done", "failed", "refused"}
DECIDED_WITHIN_S = 60.0


class FarAway:
    """Somebody at a desk, logged in to the API."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.served: Served = platform.served()
        (site,) = self.served.get("sites")["items"]
        self.node = f"nodes/{site['nodes'][0]['id']}"
        config = yaml.safe_load((platform.home / "edge.yaml").read_text())
        self.buses: list[dict[str, Any]] = config["buses"]

    def set(self, document: dict[str, Any], **told: Any) -> int:
        """Set what the node should be, and return the version."""
        version: int = self.served.send("PUT", f"{self.node}/config", {"document": document, **told})["version"]
        return version

    def decided(self, version: int) -> dict[str, Any]:
        """Return what became of the newest version."""

        def found() -> dict[str, Any]:
            config: dict[str, Any] = self.served.get(f"{self.node}/config")
            assert config["desired"]["version"] == version
            return config

        wait_until(lambda: found()["state"] in DECIDED, f"version {version} is decided about", DECIDED_WITHIN_S)
        return found()

    def done(self, kind: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return a command when there is a result."""
        told = {"kind": kind, "arguments": arguments}
        given = self.served.send("POST", f"{self.node}/commands", told)
        path = f"{self.node}/commands/{given['id']}"
        wait_until(lambda: self.served.get(path)["state"] in DONE, f"{kind} is answered", DECIDED_WITHIN_S)
        command: dict[str, Any] = self.served.get(path)
        return command


@pytest.fixture
def far(platform: Platform) -> Iterator[FarAway]:
    platform.start_gateway().wait_ready()
    found = FarAway(platform)
    yield found
    found.served.close()


@pytest.mark.parametrize("platform", [PAIRS["mosquitto-timescale"]], indirect=True)
def test_a_node_is_configured_and_told_from_afar_and_no_sample_is_lost_or_doubled(
    platform: Platform, far: FarAway
) -> None:
    fewer = [each for each in far.buses if each["name"] != "bin-2-4"]
    first, *others = fewer
    changed = {**first, "devices": [{**first["devices"][0], "period_s": 0.5}]}
    applied = far.decided(far.set({"buses": [changed, *others]}, comment="a head went to repair"))
    assert (applied["state"], applied["reported"]["in_force"]) == ("applied", 1)

    typo = {**first, "devices": [{**first["devices"][0], "profile": "r4dcb80"}]}
    refused = far.decided(far.set({"buses": [typo, *others]}))
    assert refused["state"] == "refused"
    assert "did you mean 'r4dcb08'?" in refused["desired"]["reasons"][0]
    assert refused["reported"]["in_force"] == 1

    cut = far.decided(far.set({"buses": [changed, *others], "mqtt": {"port": free_port()}}, confirm_within_s=3))
    assert (cut["state"], cut["reported"]["in_force"]) == ("rolled_back", 1)
    assert cut["desired"]["reasons"][0].startswith("link: found no broker")

    assert platform.gateway is not None
    platform.gateway.kill()
    platform.broker.kill()
    version = far.set({"buses": far.buses})
    platform.broker.start()
    platform.gateway.start()
    assert far.decided(version)["state"] == "applied"

    platform.gateway.wait_ready()
    read = far.done("read_now", {"devices": ["bin-1-head-2", "bin-2-head-4"]})
    assert set(read["result"]["answer"]["devices"]) == {"bin-1-head-2", "bin-2-head-4"}
    looked = far.done("diagnostics", {})
    bundle = far.served.get(f"{far.node}/commands/{looked['id']}/bundle")
    assert len(bundle["buses"]) == len(far.buses)
    history = far.served.get(f"{far.node}/config/versions")["items"]
    assert [each["outcome"] for each in history] == ["applied", "rolled_back", "refused", "applied"]
    assert {each["author"] for each in history} == {"user:admin"}
    said = platform.run_once("gateway", "config", "history", "demo", "north-farm", "yard-pi")
    assert len([line for line in said.splitlines() if line.startswith("version ")]) == 4

    due = read_spool(platform.spool)
    assert len(due.seqs) == 1, "a change of configuration begins no new epoch"
    wait_until(lambda: not missing_numbers(due, platform), "every pack is accounted for", DECIDED_WITHIN_S)
    stored = read_database(platform.database.url)  # before the spool: it holds nothing that is not spooled by now
    assert not differences(due, read_spool(platform.spool), stored)
    beside = counts(platform.database.url, "sample_conflict", "undated", "quarantine", "seq_refused")
    assert not any(beside.values()), beside
    assert not platform.logs_with("Traceback")
