"""Senders that repeat, shuffle, tear and alter messages; and plain devices, which know no numbers."""

import asyncio
import random
import secrets
import time
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import aiomqtt

from siloscope_contract.packs import Epoch, Form, Pack, Sample, encode
from siloscope_contract.topics import Kind, NodeName, Topic
from tests.chaos.proxy import flipped
from tests.chaos.records import SENT, SPOOLED, Lines, note_spool, read_log
from tests.chaos.schedule import Fault
from tests.chaos.schedule import Kind as FaultKind
from tests.chaos.synthetic import INSTRUMENTS
from tests.chaos.world import ORG, SITE, World

DAY_MS = 86_400_000
PLAIN_NODES = ("barn-owl", "mill-pond")
_ANSWERED_WITHIN_S = 5
_RESENT_AT_MOST = 60


def misbehave(world: World, fault: Fault) -> None:
    """Send what a fault says; a broker that is away is no fault of ours."""
    chance = random.Random(fault.seed)
    node = next(each for each in world.nodes if each.label == fault.victim)
    if node.is_agent:
        note_spool(Path(node.records), Path(node.directory))
    login = (node.username, node.password)
    topic = Topic(NodeName.of(*node.name), Kind.SAMPLES).text()
    if fault.kind is FaultKind.PLAIN:
        name = chance.choice(PLAIN_NODES)
        login = world.site_credential()
        topic = Topic(NodeName.of(ORG, SITE, name), Kind.SAMPLES).text()
        payloads = _plain(world.records / name, name, fault.size, chance)
    elif fault.kind is FaultKind.DELAYED:
        payloads = _days_late(Path(node.records), node.label, fault.size, chance)
    else:
        good = [payload for _, payload in read_log(Path(node.records) / SPOOLED)]
        chosen = chance.sample(good, min(len(good), fault.size, _RESENT_AT_MOST))
        payloads = list(_harmed(chosen, fault.kind, chance))
    try:
        asyncio.run(_send(world.broker.ports[fault.size % len(world.broker.ports)], login, topic, payloads))
    except (aiomqtt.MqttError, OSError, TimeoutError):
        return


def _harmed(good: Sequence[bytes], kind: FaultKind, chance: random.Random) -> Iterable[bytes]:
    for payload in good:
        if kind is FaultKind.DUPLICATED:
            yield from [payload] * chance.randint(2, 3)
        elif kind is FaultKind.REORDERED:
            yield payload  # a sample of the log comes in no order
        elif kind is FaultKind.CUT_SHORT:
            yield payload[: chance.randrange(len(payload))]
        else:  # plain JSON has no checksum: what is altered in it and still makes sense, nobody can tell
            packed = zlib.compress(payload) if payload[:1] == b"[" else payload
            yield flipped(packed, chance)


def _plain(records: Path, name: str, count: int, chance: random.Random) -> list[bytes]:
    """Return messages of a device that knows no numbers, and note what they say."""
    packs = [Pack(None, None, [_sample(name, chance, newest_ms=_now_ms())]) for _ in range(count)]
    return _noted(records, packs, Form.JSON)


def _days_late(records: Path, label: str, count: int, chance: random.Random) -> list[bytes]:
    """Return numbered packs of an epoch of its own whose samples are days old, and note what they say."""
    epoch = Epoch(secrets.token_hex(16))
    samples = [_sample(label, chance, newest_ms=_now_ms() - DAY_MS) for _ in range(count)]
    packs = [Pack(epoch, seq, [sample]) for seq, sample in enumerate(samples, start=1)]
    return _noted(records, packs, Form.ZLIB)


def _sample(label: str, chance: random.Random, newest_ms: int) -> Sample:
    """Return what an instrument read at some time of the last week, at a millisecond that no reader hits."""
    time_ms = (newest_ms - chance.randrange(7 * DAY_MS)) // 1000 * 1000 + chance.randrange(1, 250)
    instrument = INSTRUMENTS[chance.randrange(2)]
    return instrument.sample(label, time_ms, 0, instrument.parts()[0])


def _noted(records: Path, packs: Sequence[Pack], form: Form) -> list[bytes]:
    records.mkdir(parents=True, exist_ok=True)
    payloads = [encode(pack, form=form) for pack in packs]
    Lines(records / SENT).add(
        [pack.epoch, pack.seq, payload.hex()] for pack, payload in zip(packs, payloads, strict=True)
    )
    return payloads


async def _send(port: int, login: tuple[str, str], topic: str, payloads: Sequence[bytes]) -> None:
    async with asyncio.timeout(_ANSWERED_WITHIN_S):
        async with aiomqtt.Client(
            "127.0.0.1", port, username=login[0], password=login[1], identifier=f"raw-{secrets.token_hex(8)}"
        ) as client:
            for payload in payloads:
                await client.publish(topic, payload, qos=1)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
