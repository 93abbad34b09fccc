"""What a benchmark's fleet sends is what real nodes send."""

import pytest

from siloscope_benchmarks.fleet import DEVICE, STEP_MS, Fleet
from siloscope_benchmarks.load import Generator, Load
from siloscope_contract.packs import decode
from siloscope_contract.topics import Kind, Topic
from siloscope_store.sample_rows import decode as decode_row

START_MS = 1_800_000_000_000


class Unconnected(Generator):
    """A generator that only makes messages."""

    def _connect(self) -> None:
        return


def parts(packet: bytes) -> tuple[str, int, bytes]:
    """Return topic, packet id and payload of a PUBLISH packet at QoS 1."""
    at = 1
    while packet[at] & 0x80:
        at += 1
    length = int.from_bytes(packet[at + 1 : at + 3], "big")
    end = at + 3 + length
    return packet[at + 3 : end].decode(), int.from_bytes(packet[end : end + 2], "big"), packet[end + 2 :]


@pytest.mark.parametrize(("samples", "readings"), [(1, 20), (10, 20), (1, 1)])
def test_messages_are_packs_with_rising_numbers_and_times(samples: int, readings: int) -> None:
    nodes = 3
    generator = Unconnected(Load("", 0, "", "", nodes, readings, samples, 1, 1, START_MS))
    for at in range(12):
        topic, packet_id, payload = parts(generator.message())
        pack = decode(payload, received_ms=0)
        assert Topic.parse(topic) == Topic(Fleet(nodes, readings).name(at % nodes), Kind.SAMPLES)
        assert packet_id == at + 1
        assert (pack.epoch, pack.seq) == (Fleet(nodes, readings).epoch(at % nodes), at // nodes + 1)
        first_ms = START_MS + at // nodes * STEP_MS * samples
        assert [sample.time_ms for sample in pack.samples] == [first_ms + step * STEP_MS for step in range(samples)]
        assert all(sample.device == DEVICE and len(sample.values) == readings for sample in pack.samples)
        assert not pack.refusals


def test_rows_are_one_for_each_group_and_time() -> None:
    rows = [decode_row(row) for row in Fleet(4, 20).rows(40, START_MS)]
    assert len({(row.group_id, row.time_ms) for row in rows}) == 40
    assert {row.group_id for row in rows} == {1, 2, 3, 4}
    assert all(len(row.values) == 20 for row in rows)
