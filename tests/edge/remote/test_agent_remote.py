"""The real agent and a real broker: what the platform desires is applied, refused, or taken back by itself."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from siloscope_contract.commands import CommandKind, CommandOutcome, Reason, unpacked_bundle
from siloscope_contract.desired import Outcome
from siloscope_contract.packs import decode
from siloscope_contract.topics import Kind, Topic
from siloscope_deploy.servers.ports import free_port
from siloscope_gateway.principals import Principal
from tests.brokers import NODE, TestBroker
from tests.edge.remote.platform_side import PlatformSide
from tests.edge.test_agent_killed import UNITS, Yard, ended, yard

pytestmark = pytest.mark.nats

PERIOD_S = 0.2
LONGEST_PAUSE_MS = 3000
"""Shorter than any trial here, and longer than a machine that is busy holds an agent up."""
SILOSCOPE = Path(sys.executable).parent / "siloscope"


def head(unit: int, **more: Any) -> dict[str, Any]:
    return {"name": f"head-{unit}", "profile": "r4dcb08", "unit_id": unit, "period_s": PERIOD_S, **more}


class Site:
    """A yard, and the platform that tells it what to be."""

    def __init__(self, made: Yard) -> None:
        self.yard = made
        self.platform = PlatformSide(made.broker.gateway_url, NODE)

    def document(self, *devices: dict[str, Any]) -> dict[str, Any]:
        line = {"host": "127.0.0.1", "port": self.yard.host.port}
        return {"buses": [{"name": "heads", "modbus_tcp": line, "devices": list(devices)}]}

    def samples(self, device: str) -> list[int]:
        """Return when a device was read, by what is spooled."""
        packs = (decode(payload, received_ms=0) for payload in self.yard.spooled().values())
        return sorted(each.time_ms for pack in packs for each in pack.samples if each.device == device)

    def assert_read_on(self, device: str) -> None:
        """Assert that a device was read all the time: each turn has a sample, or is declared as missed."""
        packs = (decode(payload, received_ms=0) for payload in self.yard.spooled().values())
        missed = sum(gap.count or 0 for pack in packs for gap in pack.gaps if gap.device == device)
        times = self.samples(device)
        turns = round((times[-1] - times[0]) / (1000 * PERIOD_S)) + 1
        longest_ms = max(later - earlier for earlier, later in pairwise(times))
        assert abs(turns - len(times) - missed) <= 1
        assert longest_ms < LONGEST_PAUSE_MS

    def journal(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.yard.directory / "data" / "remote" / "configuration.json").read_text())
        return found


@asynccontextmanager
async def site(directory: Path, broker: TestBroker) -> AsyncIterator[Site]:
    async with yard(directory, broker) as made:
        found = Site(made)
        telling = asyncio.create_task(found.platform.run())
        try:
            await found.platform.until(lambda: bool(found.platform.states))
            yield found
        finally:
            await ended(telling)


async def test_what_is_desired_is_applied_and_others_are_read_on_without_a_gap(
    nats_broker: TestBroker, tmp_path: Path
) -> None:
    async with site(tmp_path, nats_broker) as found:
        assert found.platform.states[0].outcome is Outcome.NONE
        await found.yard.ingest.until_held(5)
        document = found.document(head(1), head(2, period_s=0.1), head(4, name="renamed"))
        await found.platform.desire(1, document)
        state = await found.platform.outcome(1, Outcome.APPLIED, Outcome.REFUSED, Outcome.ROLLED_BACK)
        assert (state.outcome, state.in_force, state.reasons) == (Outcome.APPLIED, 1, ())
        assert Outcome.TRYING in [each.outcome for each in found.platform.states]
        names = {"head-1", "head-2", "renamed"}
        await found.yard.ingest.until(lambda: {each.name for each in found.yard.ingest.births[-1].devices} == names)
        await found.yard.ingest.until_held(10)
        await found.yard.all_is_committed()
        found.assert_read_on("head-1")
        assert len({birth.session for birth in found.yard.ingest.births}) == 1
        assert found.samples("renamed")
        assert max(found.samples("head-3")) < max(found.samples("head-1"))


async def test_what_cannot_be_meant_is_refused_in_the_words_of_the_file(
    nats_broker: TestBroker, tmp_path: Path
) -> None:
    async with site(tmp_path, nats_broker) as found:
        platform = found.platform
        cases = [
            (
                found.document(head(1, profile="r4dcb80")),
                "buses[0].devices[0].profile: found 'r4dcb80', expected one of",
            ),
            ({"mqtt": {"host": "elsewhere"}}, "document.mqtt: found 'host', expected what may be set from afar"),
            ({"node": "another"}, "document: found 'node', expected what may be set from afar"),
            (found.document(head(9)), "device head-9: found no answer"),
            (found.document(head(1), head(1)), "expected each device name once in a node"),
        ]
        for version, (document, words) in enumerate(cases, start=1):
            await platform.desire(version, document)
            state = await platform.outcome(version, Outcome.APPLIED, Outcome.REFUSED, Outcome.ROLLED_BACK)
            assert (state.outcome, state.in_force) == (Outcome.REFUSED, None)
            assert words in state.reasons[0]
        await platform.desire(6, found.document(head(1), head(9)), may_be_silent=("head-9",))
        assert (await platform.outcome(6, Outcome.APPLIED, Outcome.REFUSED)).outcome is Outcome.APPLIED


async def test_a_message_that_is_no_new_version_is_complained_of_and_changes_nothing(
    nats_broker: TestBroker, tmp_path: Path
) -> None:
    async with site(tmp_path, nats_broker) as found:
        platform, topic = found.platform, Topic(NODE, Kind.CONFIG).text()
        await platform.desire(5, found.document(head(1)))
        await platform.outcome(5, Outcome.APPLIED)
        for payload, words in [
            (b"\x00\xff garbage", "malformed: desired configuration"),
            (b'{"version":6,"node":"x/y/z","document":{}}', "wrong_node: desired configuration, node: found 'x/y/z'"),
            (b'{"version":6,"node":"demo/north-farm/yard-pi","document":{},"pasword":1}', "unknown field `pasword`"),
            (b'{"version":4,"node":"demo/north-farm/yard-pi","document":{}}', "older_version: version: found 4"),
            (b'{"version":5,"node":"demo/north-farm/yard-pi","document":{}}', "version_reused: version: found 5"),
            (b" " * 200_000, "too_large: desired configuration: found '200000 bytes'"),
        ]:
            await platform.publish(topic, payload, retain=True)
            await platform.until(lambda words=words: words in platform.states[-1].complaint)  # type: ignore[misc]  # bound at once
            state = platform.states[-1]
            assert (state.outcome, state.desired, state.in_force) == (Outcome.APPLIED, 5, 5)
        await platform.desire(5, found.document(head(1)))
        await platform.until(lambda: platform.states[-1].complaint == "")


async def test_what_kills_the_link_is_taken_back_by_itself(nats_broker: TestBroker, tmp_path: Path) -> None:
    async with site(tmp_path, nats_broker) as found:
        await found.platform.desire(1, {"mqtt": {"port": found.yard.host.port}}, confirm_within_s=6.0)
        state = await found.platform.outcome(1, Outcome.ROLLED_BACK)
        assert state.in_force is None
        assert state.reasons == ("link: found no broker that acknowledged this node, expected one: not within 6 s",)
        await found.yard.ingest.until_held(5)
        await found.yard.all_is_committed()
        found.assert_read_on("head-1")


async def on_trial(found: Site, starts: int) -> None:
    """Wait until a trial is on the disk, in its so manieth start; another process's file has no event to wait on."""
    async with asyncio.timeout(20):
        while True:
            with suppress(FileNotFoundError):
                if (found.journal()["trial"] or {}).get("starts") == starts:
                    return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def forwarding(port: int, to_port: int) -> AsyncIterator[None]:
    """Forward every connection to another port of this machine."""

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond_reader, beyond_writer = await asyncio.open_connection("127.0.0.1", to_port)

        async def one_way(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with suppress(ConnectionError):
                while data := await source.read(4096):
                    target.write(data)
            target.close()

        await asyncio.gather(one_way(reader, beyond_writer), one_way(beyond_reader, writer))

    server = await asyncio.start_server(forward, "127.0.0.1", port)
    try:
        yield
    finally:
        server.close()


async def test_a_node_that_is_killed_twice_within_a_trial_goes_back(nats_broker: TestBroker, tmp_path: Path) -> None:
    async with site(tmp_path, nats_broker) as found:
        await found.platform.desire(1, {"mqtt": {"port": free_port()}}, confirm_within_s=600.0)
        for starts in (1, 2):
            await on_trial(found, starts)
            await found.yard.stop_agent(signal.SIGKILL)
            await found.yard.start_agent()
        state = await found.platform.outcome(1, Outcome.ROLLED_BACK)
        assert state.reasons == ("the agent ended 2 times within the trial",)
        await found.yard.all_is_committed()


async def test_a_trial_goes_on_after_a_power_cut_and_is_confirmed(nats_broker: TestBroker, tmp_path: Path) -> None:
    async with site(tmp_path, nats_broker) as found:
        port = free_port()
        document = {**found.document(head(1), head(3)), "mqtt": {"port": port}}
        await found.platform.desire(1, document, confirm_within_s=600.0)
        await on_trial(found, 1)
        await found.yard.stop_agent(signal.SIGKILL)
        async with forwarding(port, nats_broker.port):
            await found.yard.start_agent()
            state = await found.platform.outcome(1, Outcome.APPLIED, Outcome.ROLLED_BACK)
            assert (state.outcome, state.in_force) == (Outcome.APPLIED, 1)
            await found.yard.all_is_committed()
            await found.yard.stop_agent(signal.SIGKILL)
            await found.yard.start_agent()
            await found.platform.until(lambda: len({each.session for each in found.platform.states}) == 3)
            assert found.platform.states[-1].in_force == 1


async def test_a_file_that_is_edited_at_the_site_counts_until_a_newer_version_comes(
    nats_broker: TestBroker, tmp_path: Path
) -> None:
    async with site(tmp_path, nats_broker) as found:
        await found.platform.desire(1, found.document(head(1)))
        await found.platform.outcome(1, Outcome.APPLIED)
        await found.yard.stop_agent(signal.SIGTERM)
        config = yaml.safe_load(found.yard.config.read_text())
        config["buses"][0]["devices"] = [head(4)]
        found.yard.config.write_text(yaml.safe_dump(config))
        await found.yard.start_agent()
        state = await found.platform.outcome(1, Outcome.SET_ASIDE)
        assert state.in_force is None
        assert state.reasons == ("the file at the site was edited after version 1 was applied to it",)
        await found.platform.desire(2, found.document(head(1), head(2)))
        assert (await found.platform.outcome(2, Outcome.APPLIED)).in_force == 2


async def test_commands_are_done_once_each(nats_broker: TestBroker, tmp_path: Path) -> None:
    async with site(tmp_path, nats_broker) as found:
        platform = found.platform
        await platform.command("read-1", CommandKind.READ_NOW, arguments={"devices": ["head-3"]})
        read = await platform.result("read-1")
        assert read.outcome is CommandOutcome.DONE
        assert read.answer["devices"]["head-3"]["readings"]["t2"]["value"] == 30.1
        await platform.command("shown-1", CommandKind.IDENTIFY, arguments={"for_s": 1})
        assert "log" in (await platform.result("shown-1")).answer["shown_by"]
        cases: list[tuple[str, dict[str, Any], Reason]] = [
            ("late", {"issued_at_ms": 1, "expires_at_ms": 2}, Reason.EXPIRED),
            ("for-ever", {"expires_at_ms": 1 << 52}, Reason.LIVES_TOO_LONG),
            ("ahead", {"issued_at_ms": (1 << 50), "expires_at_ms": (1 << 50) + 1}, Reason.ISSUED_AHEAD),
            ("wrong", {"arguments": {"device": "x"}}, Reason.MALFORMED),
        ]
        told = {"bus": "heads", "units": [2, 9], "within_s": 15}
        await platform.command("doctor-1", CommandKind.DOCTOR, arguments=told)
        examined = await platform.result("doctor-1")
        assert examined.outcome is CommandOutcome.DONE, examined.detail
        assert examined.bundle is not None
        findings = json.loads(unpacked_bundle(examined.bundle))["findings"]
        assert [each["unit_id"] for each in findings["devices"]] == [2]
        await platform.command("doctor-2", CommandKind.DOCTOR, arguments={"bus": "haeds"})
        assert "did you mean 'heads'?" in (await platform.result("doctor-2")).detail
        for name, told, reason in cases:
            await platform.command(name, CommandKind.READ_NOW, **told)
            refused = await platform.result(name)
            assert (refused.outcome, refused.reason) == (CommandOutcome.REFUSED, reason)


async def test_diagnostics_hold_no_secret(nats_broker: TestBroker, tmp_path: Path) -> None:
    async with site(tmp_path, nats_broker) as found:
        await found.yard.ingest.until_held(3)
        await found.platform.command("look", CommandKind.DIAGNOSTICS)
        result = await found.platform.result("look")
        assert result.bundle is not None
        bundle = unpacked_bundle(result.bundle)
        content = json.loads(bundle)
        assert {"log", "buses", "spool", "clock", "machine", "threads", "versions", "configuration"} <= set(content)
        assert not [name for name, section in content.items() if isinstance(section, dict) and "error" in section]
        credential = nats_broker.credential(Principal.of_node(NODE))
        assert credential.password.encode() not in bundle
        assert credential.username.encode() not in bundle
        assert [each["device"] for each in content["buses"][0]["devices"]] == [f"head-{unit}" for unit in UNITS]
        file = tmp_path / "bundle.json"
        command = [str(SILOSCOPE), "edge", "diagnostics", "--config", str(found.yard.config), "--output", str(file)]
        asked = await asyncio.create_subprocess_exec(*command)
        assert await asked.wait() == 0
        assert set(json.loads(file.read_text())) == set(content)
        await found.yard.stop_agent(signal.SIGTERM)
        asked = await asyncio.create_subprocess_exec(*command)
        assert await asked.wait() == 0
        assert json.loads(file.read_text())["node"]["agent"] == "does not run"


async def test_a_restart_is_done_and_reported_once(nats_broker: TestBroker, tmp_path: Path) -> None:
    async with site(tmp_path, nats_broker) as found:
        before = found.platform.states[-1].session
        for _ in range(2):
            await found.platform.command("again", CommandKind.RESTART)
        result = await found.platform.result("again")
        assert (result.outcome, result.answer["session_before"]) == (CommandOutcome.DONE, before)
        assert result.session != before
        await found.platform.command("again", CommandKind.RESTART)
        await found.platform.command("then", CommandKind.IDENTIFY)
        assert (await found.platform.result("then")).session == result.session
        await found.yard.all_is_committed()
