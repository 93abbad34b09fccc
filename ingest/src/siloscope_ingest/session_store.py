"""What NATS keeps for an MQTT session, asked of JetStream: no MQTT client is told.

Read only. A consumer of the stream of MQTT messages stands for each QoS 1 subscription; its name begins with a hash of
the session's client id. Where NATS ever names them otherwise, none is found and nothing is ended.

Source:
    nats-server, server/mqtt.go: `mqttStreamName`, `getHash`, `processJSConsumer`. Sessions on disk depend on these
    names.
"""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

from siloscope_contract import streams
from siloscope_contract.topics import nats_subject
from siloscope_ingest.hand_over import Kept

_DIGITS = digits + ascii_uppercase + ascii_lowercase
_HASH_LENGTH = 8

Ask = Callable[[str, Mapping[str, object]], Awaitable[dict[str, Any] | None]]


class SessionStore:
    """The broker's side of one session.

    Args:
        ask: Asks JetStream: given subject and request, returns its answer, or None where it has no such thing; raises
            Transient.
        client_id: The session's.
    """

    def __init__(self, ask: Ask, client_id: str) -> None:
        self._ask = ask
        self._prefix = f"{hash_of(client_id)}_"

    async def subscription(self, topic_filter: str) -> str | None:
        """Return the name of the consumer that stands for a subscription of the session; None where it has none.

        Raises:
            Transient: No answer.
        """
        subject = f"{streams.MQTT_PREFIX}{nats_subject(topic_filter)}"
        names = [name for name in await self._names() if name.startswith(self._prefix)]
        for name in names:
            found = await self._ask(f"{streams.MQTT_CONSUMER_INFO}.{name}", {})
            if found is not None and found["config"].get("filter_subject") == subject:
                return name
        return None

    async def kept(self, name: str) -> Kept | None:
        """Return what is kept for a subscription; None where that is gone.

        Raises:
            Transient: No answer.
        """
        found = await self._ask(f"{streams.MQTT_CONSUMER_INFO}.{name}", {})
        if found is None:
            return None
        return Kept(
            found["num_pending"],
            found["num_ack_pending"],
            found["delivered"]["stream_seq"],
            found["ack_floor"]["stream_seq"],
        )

    async def newest(self) -> int:
        """Return the number of the newest message that is kept for anybody.

        Raises:
            Transient: No answer.
        """
        found = await self._ask(streams.MQTT_STREAM_INFO, {})
        return 0 if found is None else int(found["state"]["last_seq"])

    async def _names(self) -> list[str]:
        names: list[str] = []
        while True:
            page = await self._ask(streams.MQTT_CONSUMER_NAMES, {"offset": len(names)})
            found = [] if page is None else page["consumers"] or []
            names += found
            if page is None or not found or len(names) >= page["total"]:
                return names


def hash_of(client_id: str) -> str:
    """Return what NATS knows a session by.

    >>> hash_of("sess-a")
    'k8yekP0O'
    """
    hashed = sha256(client_id.encode()).digest()[:_HASH_LENGTH]
    return "".join(_DIGITS[each % len(_DIGITS)] for each in hashed)
