"""Alerting with nothing left out: broker, ingest, TimescaleDB and `siloscope alerting` as processes, a mail server.

Nobody here lets time pass by itself: `judged_for` waits until the evaluator says that it has judged so much more of it,
so that "no further message came" is said of time that was looked at.
"""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import yaml

from siloscope_contract.topics import NodeName
from siloscope_gateway.principals import Principal
from tests.alerting.notify.mailbox import Mailbox, receiving_mail
from tests.brokers import TestBroker
from tests.ingest.conftest import add_sites
from tests.ingest.waiting import eventually
from tests.system.alerts.nodes import Node
from tests.system.platform import SILOSCOPE, Service

SITE = ("demo", "north-farm")
SILENT_AFTER_S = 3.0
INTERVAL_S = 1.0
TOLD_WITHIN_S = 15.0


class AlertingProcess(Service):
    """One `siloscope alerting`."""

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def freeze(self) -> None:
        """Let it stand still, as a machine that swaps or a virtual machine that is moved."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)


class World:
    """One farm, everything that alerting needs, and what its people were told.

    Args:
        folder: For logs and files.
        database_url: A migrated database.
        broker: A running broker.
        mailbox: A running mail server.
        telegram_url: Where Telegram answers.
    """

    def __init__(
        self, folder: Path, database_url: str, broker: TestBroker, mailbox: Mailbox, telegram_url: str = ""
    ) -> None:
        self.folder = folder
        self.mailbox = mailbox
        self.services: list[AlertingProcess] = []
        self._broker = broker
        self._nodes: list[Node] = []
        self._url = database_url
        self._environ = {
            "SILOSCOPE_HOME": str(folder),
            "SILOSCOPE_DATABASE_URL": database_url,
            "SILOSCOPE_MQTT_URL": broker.ingest_url,
            "SILOSCOPE_SMTP_URL": mailbox.url,
            "SILOSCOPE_SILENT_AFTER_S": str(SILENT_AFTER_S),
            **({"SILOSCOPE_TELEGRAM_URL": telegram_url} if telegram_url else {}),
        }
        self._ingest = Service(folder, "ingest", ["ingest"], self._environ)

    async def start(self) -> None:
        """Start ingest and one evaluator, with one way out: a mail of everything to the crew."""
        await asyncio.to_thread(add_sites, self._url)
        self._ingest.start()
        await asyncio.to_thread(self._ingest.wait_ready)
        await self.tell_by({"channel": "crew", "kind": "email", "to": ["crew@farm.example"]})
        await self.start_alerting()

    async def stop(self) -> None:
        """End everything."""
        for node in self._nodes:
            await node.lose_link()
        for service in (*self.services, self._ingest):
            await asyncio.to_thread(service.kill)

    async def start_alerting(self) -> AlertingProcess:
        """Start one more `siloscope alerting`."""
        service = AlertingProcess(self.folder, f"alerting-{len(self.services) + 1}", ["alerting"], self._environ)
        self.services.append(service)
        service.start()
        await asyncio.to_thread(service.wait_ready)
        return service

    async def command(self, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
        """Run a `siloscope` command to its end and return what it printed."""
        ended = await asyncio.to_thread(
            subprocess.run,
            [str(SILOSCOPE), *arguments],
            env={**self._environ, **(environ or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, f"siloscope {' '.join(arguments)}: {ended.stderr}"
        return str(ended.stdout)

    async def rules(self, *rules: Mapping[str, Any]) -> None:
        """Apply rules as people do."""
        file = self._written("rules.yaml", {"rules": list(rules)})
        await self.command("alerts", "apply", str(file), "--organisation", SITE[0])

    async def tell_by(self, channel: Mapping[str, Any], environ: Mapping[str, str] | None = None) -> None:
        """Add a way out, and tell everything that way at once."""
        route = {"route": f"all-{channel['channel']}", "steps": [{"channels": [channel["channel"]]}]}
        file = self._written("notify.yaml", {"channels": [channel], "routes": [route]})
        await self.command("alerts", "channels", "apply", str(file), "--organisation", SITE[0], environ=environ)

    async def node(self, slug: str, channels: int, interval_s: float = INTERVAL_S) -> Node:
        """Connect a node that begins to read at once."""
        name = NodeName.of(*SITE, slug)
        url = self._broker.url_for(Principal.of_node(name))
        node = Node(name, url, channels, interval_s)
        self._nodes.append(node)
        await node.connect()
        node.read()
        return node

    # ---- what is so

    def rows(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return what a statement finds."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def states(self, rule: str = "hot") -> dict[str, int]:
        """Return how many alerts of a rule that fired and are not over are in each state."""
        query = (
            "SELECT state, count(*)::int FROM alert JOIN alert_rule USING (rule_id) "
            "WHERE slug = %s AND ended_at IS NULL AND fired_at IS NOT NULL GROUP BY state"
        )
        return dict(self.rows(query, rule))

    def holder(self) -> int | None:
        """Return the process that evaluates."""
        query = "SELECT split_part(holder, ':', 2)::int FROM alert_evaluator WHERE lease_until > clock_timestamp()"
        found = self.rows(query)
        return found[0][0] if found else None

    @property
    def subjects(self) -> list[str]:
        """Subjects of all mails, in the order in which they came."""
        return [str(mail["Subject"]) for mail in self.mailbox.mails]

    def text(self, number: int) -> str:
        """Return the text of a mail."""
        body = self.mailbox.mails[number].get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    # ---- waiting

    async def until_states(self, expected: Mapping[str, int], within_s: float = TOLD_WITHIN_S) -> None:
        """Wait until so many alerts are in these states, and none in another."""
        await eventually(lambda: self.states() == dict(expected), self._told, within_s)

    async def until_mails(self, count: int, within_s: float = TOLD_WITHIN_S) -> None:
        """Wait until so many mails have come."""
        await eventually(lambda: len(self.mailbox.mails) >= count, self._told, within_s)

    async def until_stored(self, count: int, within_s: float = TOLD_WITHIN_S) -> None:
        """Wait until the newest values of so many channels are stored."""
        query = 'SELECT coalesce(sum(cardinality("values")), 0)::int FROM latest'
        await eventually(lambda: self.rows(query)[0][0] >= count, lambda: self.rows(query), within_s)

    async def judged_for(self, seconds: float, within_s: float = 60.0) -> None:
        """Wait until the evaluator has judged so much more time, and nothing that it said is still on its way."""
        query = "SELECT evaluated_to >= %s::timestamptz FROM alert_evaluator"
        goal = self.rows("SELECT clock_timestamp() + make_interval(secs => %s)", seconds)[0][0]
        waiting = "SELECT count(*) FROM notify_outbox WHERE state IN ('queued', 'sending')"
        await eventually(
            lambda: self.rows(query, goal) == [(True,)] and self.rows(waiting) == [(0,)], self._told, within_s
        )

    def _told(self) -> Sequence[object]:
        outbox = self.rows("SELECT kind, state, attempts FROM notify_outbox ORDER BY enqueued_at")
        owed = self.rows("SELECT declared_oldest, declared_next, accounted::text FROM node_epoch")
        late = self.rows("SELECT count(*)::int, (clock_timestamp() - max(arrived_at))::text FROM alert_late_mark")
        books = self.rows("SELECT cause, facts -> 'book' FROM alert_incident WHERE closed_at IS NULL")
        log = self.services[-1].log.read_text(errors="replace")[-1_500:] if self.services else ""
        return self.states(), self.subjects, outbox, owed, late, books, log

    def _written(self, name: str, content: object) -> Path:
        path = self.folder / name
        path.write_text(yaml.safe_dump(content))
        return path


@asynccontextmanager
async def running_world(
    folder: Path, database_url: str, broker: TestBroker, telegram_url: str = ""
) -> AsyncIterator[World]:
    """Give a world in which all runs and nothing is connected yet."""
    async with AsyncExitStack() as end:
        mailbox = await end.enter_async_context(receiving_mail())
        world = World(folder, database_url, broker, mailbox, telegram_url)
        end.push_async_callback(world.stop)
        await world.start()
        yield world
        for service in world.services:
            assert "Traceback" not in service.log.read_text(errors="replace"), service.log.read_text()[-3_000:]
