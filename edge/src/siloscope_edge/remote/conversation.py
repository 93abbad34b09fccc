"""What is said to the platform and heard from it beside samples and watermarks, over whatever connection there is."""

import asyncio
from contextlib import suppress

import structlog

from siloscope_contract import desired
from siloscope_contract.desired import ConfigState
from siloscope_contract.errors import ContractError
from siloscope_contract.topics import Kind, NodeName, Topic, subscription
from siloscope_edge.errors import SubscriptionRefused
from siloscope_edge.ports import Link
from siloscope_edge.remote.applying import Applier
from siloscope_edge.remote.commanding import CommandDesk

_log = structlog.get_logger(__name__)
_LISTEN_AGAIN_S = 60.0


class Conversation:
    """One node's.

    Args:
        node: Whose topics.
    """

    def __init__(self, node: NodeName) -> None:
        self._node = node
        self._state: bytes | None = None
        self._said: bytes | None = None
        self._something = asyncio.Event()
        self.applier: Applier | None = None
        self.desk: CommandDesk | None = None

    def tell(self, state: ConfigState) -> None:
        """Have the platform told of the configuration's state, over this connection or the next."""
        self._state = desired.encode(state)
        self._something.set()

    def results_wait(self) -> None:
        """Have results of commands told."""
        self._something.set()

    def hear(self, topic: str, payload: bytes) -> None:
        try:
            heard = Topic.parse(topic)
        except ContractError as error:
            _log.warning("message_of_no_topic", detail=str(error))
            return
        if heard.node != self._node:
            _log.warning("message_of_another_node", topic=topic)
            return
        if heard.kind is Kind.CONFIG and self.applier is not None:
            self.applier.hear(payload)
        elif heard.kind is Kind.COMMAND and heard.command_id is not None and self.desk is not None and payload:
            self.desk.hear(heard.command_id, payload)

    async def talk(self, link: Link) -> None:
        self._said = None  # a broker may have lost what it retained
        unheard = [Kind.CONFIG, Kind.COMMAND]
        while True:
            self._something.clear()
            unheard = [kind for kind in unheard if not await self._listen(link, kind)]
            await self._say_state(link)
            await self._say_results(link)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LISTEN_AGAIN_S if unheard else None):
                    await self._something.wait()

    async def _listen(self, link: Link, kind: Kind) -> bool:
        """Subscribe; return whether the broker takes it. Samples are sent all the same."""
        node = self._node
        try:
            await link.subscribe(subscription(kind, node.org, node.site, node.node), qos=1)
        except SubscriptionRefused as error:
            _log.warning("subscription_refused", detail=str(error), again_in_s=_LISTEN_AGAIN_S)
            return False
        return True

    async def _say_state(self, link: Link) -> None:
        state = self._state
        if state is not None and state != self._said:
            await link.publish(Topic(self._node, Kind.CONFIG_STATE).text(), state, qos=1, retain=True)
            self._said = state

    async def _say_results(self, link: Link) -> None:
        if self.desk is None:
            return
        for command_id, result in self.desk.untold().items():
            await link.publish(Topic(self._node, Kind.COMMAND_RESULT, command_id).text(), result, qos=1)
            self.desk.acknowledged(command_id)
