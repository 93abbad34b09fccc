"""Ingest with a real broker and a real database."""

from siloscope_contract.packs import Epoch, Pack, Sample, encode
from siloscope_contract.topics import Kind
from siloscope_process.clock import SystemClock
from tests.brokers import NODE, TestBroker
from tests.ingest.conftest import Farm, running_ingest
from tests.ingest.publishing import connected, publish

EPOCH = Epoch("0123456789abcdef" * 2)


def pack(seq: int, time_ms: int, *values: float, device: str = "bin1-head1") -> bytes:
    """A numbered pack of one sample."""
    names = tuple(f"t{at}" for at in range(1, len(values) + 1))
    sample = Sample(device, time_ms, names, ("Cel",) * len(values), list(values), [0] * len(values))
    return encode(Pack(EPOCH, seq, [sample]))


async def test_a_numbered_pack_is_stored_and_accounted_for(broker: TestBroker, farm_url: str) -> None:
    farm = Farm(farm_url)
    now_ms = SystemClock().now_ms()
    async with running_ingest(farm_url, broker.ingest_url), connected(broker.node_url()) as device:
        await publish(device, NODE, Kind.SAMPLES, pack(1, now_ms, 11.5, 12.5))
        await publish(device, NODE, Kind.SAMPLES, pack(2, now_ms + 1000, 11.6, 12.6))
        await farm.until("SELECT count(*) FROM sample", 2)
    assert farm.rows("SELECT channel, value, reason FROM latest_reading ORDER BY 1") == [
        ("t1", 11.6, "good"),
        ("t2", 12.6, "good"),
    ]
    assert farm.value("SELECT accounted::text FROM node_epoch") == "{[1,3)}"
