"""How long numbered packs wait for a birth that names what they carry: they come again, so that nothing is lost by it.

A pack that overtook its birth would be stored in a group that nobody announced, and once more in the right one when it
is offered again to a database that lacks it.
"""

from collections import OrderedDict

import structlog

from siloscope_ingest.nodes import KnownNode

_log = structlog.get_logger(__name__)
_FORGOTTEN_MS = 3_600_000
_MOST = 100_000


class BirthsAwaited:
    """What packs wait for.

    Plain bookkeeping of one worker: each of them waits by its own clock, and none longer than it is told. What nobody
    announces in that time is taken as what any device may send: a device that was taken off the agent's configuration
    is in packs that are offered again, and in no birth.

    Args:
        longest_s: So long a birth may be behind the first pack.
    """

    def __init__(self, longest_s: float) -> None:
        self._longest_ms = round(longest_s * 1000)
        self._asked_ms: OrderedDict[tuple[int, str, tuple[str, ...]], tuple[int, int]] = OrderedDict()

    def must_wait(self, node: KnownNode, device: str, channels: tuple[str, ...], now_ms: int) -> bool:
        """Say whether a pack with these unknown channels of a device is to come again.

        Args:
            node: Whose it is; one that announces itself.
            device: The device.
            channels: What is not known of it.
            now_ms: When the pack came.
        """
        key = (node.node_id, device, channels)
        first_ms, last_ms = self._asked_ms.pop(key, (now_ms, now_ms))
        if now_ms - last_ms > _FORGOTTEN_MS or now_ms < first_ms:
            first_ms = now_ms
        if len(self._asked_ms) >= _MOST:
            self._asked_ms.popitem(last=False)
        self._asked_ms[key] = (first_ms, now_ms)
        if now_ms - first_ms >= self._longest_ms:
            return False
        if first_ms == now_ms:
            _log.info("birth_awaited", node=str(node.name), device=device, channels=channels)
        return True
