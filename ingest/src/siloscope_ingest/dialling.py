"""How a line is opened: at which of several servers, in which version of the protocol, subscribed to what."""

import asyncio
from collections.abc import Callable, Sequence

import structlog
from gmqtt.mqtt.constants import MQTTv50, MQTTv311

from siloscope_ingest.errors import IngestError
from siloscope_ingest.jetstream import JetStreamLine
from siloscope_ingest.line import Line, ProtocolRefused
from siloscope_ingest.stream_url import StreamUrl
from siloscope_process.broker_url import BrokerUrl

_log = structlog.get_logger(__name__)
_ANSWER_WITHIN_S = 10.0


class MqttDial:
    """Opens lines to an MQTT broker.

    Args:
        urls: The broker, or the servers of a cluster: the next one when one fails.
        new_line: Makes a line.
        filters: What to subscribe to, given the version of MQTT: (filter, QoS).
        version: 5, 4 (MQTT 3.1.1), or None to try 5 first.
        first: Which server to begin with, so that workers spread over them.
        unwanted: Filters that an earlier session of the same name may have, and that would bring things twice.
    """

    def __init__(
        self,
        urls: Sequence[BrokerUrl],
        new_line: Callable[[BrokerUrl], Line],
        filters: Callable[[int], Sequence[tuple[str, int]]],
        version: int | None,
        first: int = 0,
        unwanted: Sequence[str] = (),
    ) -> None:
        self._urls = urls
        self._new_line = new_line
        self._filters = filters
        self._unwanted = unwanted
        self._version = version or MQTTv50
        self._may_fall_back = version is None
        self._turn = first

    async def __call__(self) -> Line:
        """Open a line.

        Raises:
            Fatal: The broker refuses our credential.
            Transient: It is away, or refuses a filter.
        """
        url = self._urls[self._turn % len(self._urls)]
        line = self._new_line(url)
        try:
            await line.open(self._version, _ANSWER_WITHIN_S)
            await line.subscribe(self._filters(self._version), _ANSWER_WITHIN_S)
            line.unsubscribe(self._unwanted)
        except BaseException as error:
            await asyncio.shield(line.close())
            if isinstance(error, ProtocolRefused) and self._may_fall_back:
                self._version = MQTTv311 if self._version == MQTTv50 else MQTTv50
            if self._version == MQTTv50 or not isinstance(error, ProtocolRefused):
                self._turn += 1
            raise
        _log.info("broker_connected", at=str(url), mqtt="5" if self._version == MQTTv50 else "3.1.1")
        return line


class StreamDial:
    """Opens lines to a JetStream stream.

    Args:
        urls: The servers of the cluster: the next one when one fails.
        new_line: Makes a line.
        first: Which server to begin with, so that workers spread over them.
    """

    def __init__(
        self, urls: Sequence[StreamUrl], new_line: Callable[[StreamUrl], JetStreamLine], first: int = 0
    ) -> None:
        self._urls = urls
        self._new_line = new_line
        self._turn = first

    async def __call__(self) -> JetStreamLine:
        """Open a line.

        Raises:
            Fatal: The cluster refuses our credential or the stream's configuration.
            Transient: It is away.
        """
        url = self._urls[self._turn % len(self._urls)]
        line = self._new_line(url)
        try:
            await line.open(_ANSWER_WITHIN_S)
        except IngestError:
            self._turn += 1
            raise
        _log.info("stream_connected", at=str(url))
        return line
