"""Sees watermarks go by while things break, and asks the database itself whether they are true."""

import json
import random
import threading
import time
from collections import deque
from typing import Any

import paho.mqtt.client as mqtt
import psycopg
from paho.mqtt.enums import CallbackAPIVersion

from siloscope_contract.topics import Kind, NodeName, subscription
from tests.chaos.fleet import NodePlan

_LOOK_EVERY_S = 0.1
_MOST_WAITING = 400

HELD = """
SELECT i.generation::text, replace(e.epoch::text, '-', ''), e.accounted + coalesce((
    SELECT range_agg(f.span) FROM node_epoch_folded AS f WHERE f.node_id = e.node_id AND f.epoch = e.epoch), '{}')
FROM store_identity AS i, node_epoch AS e JOIN node AS n USING (node_id) WHERE n.slug = %s
"""


class Watcher:
    """Compares watermarks with the database, as they come.

    Attributes:
        compared: How many were.
        wrong: What was found.

    Args:
        port: Of the broker.
        nodes: Whose watermarks.
    """

    def __init__(self, port: int, nodes: list[NodePlan]) -> None:
        self.compared = 0
        self.wrong: list[str] = []
        self._waiting: deque[tuple[str, dict[str, Any]]] = deque(maxlen=_MOST_WAITING)
        self._distrusted: set[str] = set()
        self._lock = threading.Lock()
        self._chance = random.Random(port)
        self._stopping = threading.Event()
        self._url = ""
        self._clients = [self._client(port, node) for node in nodes]
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self, url: str) -> None:
        """Begin to compare with a database."""
        self._url = url
        self._thread.start()

    def moved(self, url: str) -> None:
        """Compare with another database from now on."""
        self._url = url

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._thread.join()
        for client in self._clients:
            client.disconnect()
            client.loop_stop()

    def forget(self, generations: set[str]) -> None:
        """The database goes back in time: what it said before binds it no more."""
        with self._lock:
            self._distrusted |= generations
            self._waiting.clear()

    def _client(self, port: int, node: NodePlan) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, clean_session=True)
        client.username_pw_set(node.username, node.password)
        name = NodeName.of(*node.name)
        topic = subscription(Kind.COMMITTED, name.org, name.site, name.node)

        def subscribe(*_: object) -> None:
            client.subscribe(topic, qos=1)

        client.on_connect = subscribe
        client.on_message = lambda _client, _data, message: self._heard(str(name.node), bytes(message.payload))
        client.reconnect_delay_set(1, 2)
        client.connect_async("127.0.0.1", port, keepalive=5)
        client.loop_start()
        return client

    def _heard(self, node: str, payload: bytes) -> None:
        with self._lock:
            self._waiting.append((node, json.loads(payload)))

    def _run(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_S):
            with self._lock:
                if not self._waiting:
                    continue
                node, mark = self._waiting.pop() if self._chance.random() < 0.5 else self._waiting.popleft()
            try:
                with psycopg.connect(self._url, connect_timeout=2) as connection:
                    connection.execute("SET statement_timeout = '2s'")
                    rows = connection.execute(HELD, (node,)).fetchall()
            except psycopg.Error:
                with self._lock:
                    self._waiting.appendleft((node, mark))
                time.sleep(_LOOK_EVERY_S)
                continue
            self._compare(node, mark, rows)

    def _compare(self, node: str, mark: dict[str, Any], rows: list[tuple[Any, ...]]) -> None:
        with self._lock:
            if not rows or rows[0][0] != mark["generation"] or mark["generation"] in self._distrusted:
                return
        self.compared += 1
        held = {epoch: [(span.lower, span.upper) for span in spans] for _, epoch, spans in rows}
        for epoch, said in mark["epochs"].items():
            for first, end in claimed(said):
                if not any(low <= first and end <= high for low, high in held.get(epoch, [])):
                    self.wrong.append(
                        f"a watermark of {node} says that {epoch} is accounted for from {first} to {end - 1}; "
                        f"the database has {held.get(epoch)}"
                    )


def claimed(said: dict[str, Any]) -> list[tuple[int, int]]:
    """Return the half-open ranges that a mark says are accounted for.

    >>> claimed({"below": 5, "known_to": 12, "gaps": [[5, 6], [9, 9]]})
    [(1, 5), (7, 9), (10, 12)]
    """
    found, at = [], 1
    for first, last in said["gaps"]:
        found.append((at, first))
        at = last + 1
    found.append((at, max(said["below"], said["known_to"])))
    return [(first, end) for first, end in found if first < end]
