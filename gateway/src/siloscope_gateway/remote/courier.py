"""The courier: takes to nodes what the database says that they should be and do, and brings back what they answer.

The database is the outbox. What is set while the broker or this process is away is published later; what was published
when either was killed is published once more, and nodes take it as what it is: the same.
"""

import asyncio
from collections.abc import Sequence

import structlog

from siloscope_contract import commands, desired
from siloscope_contract.commands import CommandOutcome, Reason, Result
from siloscope_contract.errors import ContractError
from siloscope_contract.topics import Kind, Topic
from siloscope_gateway.errors import BrokerAway
from siloscope_gateway.metrics import Metrics
from siloscope_gateway.remote.broker import BrokerLink, connected
from siloscope_process.broker_url import BrokerUrl
from siloscope_process.clock import Clock
from siloscope_process.errors import Unavailable, WrongSetting
from siloscope_process.operations import Health
from siloscope_store import job_locks, node_commands, node_configs
from siloscope_store.connections import Connected, connect_async, one_line_refusals

_log = structlog.get_logger(__name__)
JOB = "gateway"
APPLICATION = "siloscope gateway"
_LOOK_EVERY_S = 1.0
_EVERYTHING_EVERY_S = 600.0
"""A broker that lost what it retained, without its connections, has it again after this."""
_SEND_AGAIN_AFTER_S = 20.0
_MOST_COMMANDS = 100
_RETRY_S = 2.0


class Courier:
    """Runs beside others of its kind: the one whose database session holds the job's lock works.

    Args:
        url: The database.
        servers: Of the broker.
        clock: Time.
        health: Told under ``database`` and ``broker``.
        metrics: Counts.
    """

    def __init__(self, url: str, servers: Sequence[BrokerUrl], clock: Clock, health: Health, metrics: Metrics) -> None:
        self._url = url
        self._servers = servers
        self._clock = clock
        self._health = health
        self._metrics = metrics

    async def run(self) -> None:
        """Work until cancelled, whatever goes away meanwhile."""
        attempt = 0
        while True:
            try:
                await self._work(attempt)
            except* (BrokerAway, Unavailable) as errors:
                _log.warning("courier_interrupted", detail=str(errors.exceptions[0]))
            attempt += 1
            await self._clock.sleep(_RETRY_S)

    async def _work(self, attempt: int) -> None:
        try:
            async with await connect_async(self._url, application_name=APPLICATION, autocommit=True) as leading:
                with one_line_refusals(self._url):
                    await self._lead(leading)
                    await self._serve(leading, attempt)
        except Unavailable as error:
            self._health.set("database", False, str(error))
            raise

    async def _lead(self, leading: Connected) -> None:
        """Return when no other gateway works: two would publish an older version behind a newer one."""
        self._health.set("database", True)
        while not await job_locks.try_lead(leading, JOB):
            self._health.set("broker", True, "another gateway works")
            await self._clock.sleep(_RETRY_S)

    async def _serve(self, leading: Connected, attempt: int) -> None:
        try:
            async with (
                await connect_async(self._url, application_name=APPLICATION, autocommit=True) as hearing,
                connected(self._servers, attempt) as link,
                asyncio.TaskGroup() as tasks,
            ):
                self._health.set("broker", True)
                _log.info("courier_works")
                tasks.create_task(self._tell(link, leading))
                tasks.create_task(self._hear(link, hearing))
        except* BrokerAway as errors:
            self._health.set("broker", False, str(errors.exceptions[0]))
            raise

    async def _tell(self, link: BrokerLink, connection: Connected) -> None:
        everything_at_s = self._clock.monotonic_s()
        while True:
            now_s = self._clock.monotonic_s()
            everything = now_s >= everything_at_s
            if everything:
                everything_at_s = now_s + _EVERYTHING_EVERY_S
            with one_line_refusals(self._url):
                await self._publish(link, connection, everything=everything)
                await self._send(link, connection)
            await self._clock.sleep(_LOOK_EVERY_S)

    async def _publish(self, link: BrokerLink, connection: Connected, *, everything: bool) -> None:
        for name, node_id, version in await node_configs.to_publish(connection, everything=everything):
            payload = desired.encode(version)
            if len(payload) > desired.MAX_DESIRED_BYTES:
                reason = _too_large(payload, desired.MAX_DESIRED_BYTES)
                _log.error("version_not_published", node=str(name), version=version.version, detail=reason)
                await node_configs.refuse(connection, node_id, version.version, reason)
                continue
            await link.publish(Topic(name, Kind.CONFIG).text(), payload, retain=True)
            await node_configs.mark_published(connection, node_id, version.version)
            self._metrics.published.inc()

    async def _send(self, link: BrokerLink, connection: Connected) -> None:
        due = await node_commands.to_send(connection, again_after_s=_SEND_AGAIN_AFTER_S, limit=_MOST_COMMANDS)
        for name, command_id, command in due:
            payload = commands.encode(command)
            if len(payload) > commands.MAX_COMMAND_BYTES:
                reason = _too_large(payload, commands.MAX_COMMAND_BYTES)
                _log.error("command_not_sent", node=str(name), id=command_id, detail=reason)
                refused = Result(outcome=CommandOutcome.REFUSED, reason=Reason.MALFORMED, detail=reason)
                await node_commands.keep_result(connection, name, command_id, refused)
                continue
            await link.publish(Topic(name, Kind.COMMAND, command_id).text(), payload, retain=False)
            await node_commands.mark_sent(connection, command_id)
            self._metrics.sent.inc()

    async def _hear(self, link: BrokerLink, connection: Connected) -> None:
        async for topic, payload in link.heard():
            try:
                with one_line_refusals(self._url):
                    await self._keep(Topic.parse(topic), payload, connection)
            except ContractError as error:
                self._metrics.refused.labels(error.reason).inc()
                _log.warning("answer_refused", topic=topic, detail=str(error))
            except WrongSetting as error:  # a text that no database takes, as one with a NUL in it
                self._metrics.refused.labels("not_stored").inc()
                _log.error("answer_not_stored", topic=topic, detail=str(error))
        raise BrokerAway("the broker ended the connection")

    async def _keep(self, topic: Topic, payload: bytes, connection: Connected) -> None:
        if topic.kind is Kind.CONFIG_STATE and payload:
            kept = await node_configs.keep_state(connection, topic.node, desired.decode_state(payload))
            self._metrics.states.inc()
            if not kept:
                _log.warning("answer_of_unknown_node", node=str(topic.node))
        elif topic.kind is Kind.COMMAND_RESULT and topic.command_id is not None:
            result = commands.decode_result(payload)
            if await node_commands.keep_result(connection, topic.node, topic.command_id, result):
                self._metrics.results.labels(result.outcome.value).inc()


def _too_large(payload: bytes, most: int) -> str:
    """Say why a message is not published: the broker would end the connection for it, whoever else waits."""
    return f"not sent: found {len(payload)} bytes, expected at most {most}"
