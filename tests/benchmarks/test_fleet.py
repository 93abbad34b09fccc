"""What a benchmark's fleet sends is what real nodes send."""

import pytest

from siloscope_benchmarks.fleet import DEVICE, INTERVAL_S, LIVE_DEVICE, Fleet, Form
from siloscope_benchmarks.load import Stream
from siloscope_contract.births import Birth, decode_birth, encode
from siloscope_contract.packs import decode
from siloscope_contract.topics import Kind, Topic
from siloscope_ingest import frames
from siloscope_process.clock import ManualClock
from siloscope_store.sample_rows import decode as decode_row

START_MS = 1_800_000_000_000


def parts(packet: bytes) -> tuple[str, int, bytes]:
    """Return topic, packet id and payload of a PUBLISH packet at QoS 1."""
    ((_, topic, packet_id, payload),), end = frames.split(packet, False)
    assert end == len(packet)
    assert topic is not None
    assert packet_id is not None
    return topic, packet_id, payload


@pytest.mark.parametrize(("samples", "readings"), [(1, 20), (10, 20), (1, 1)])
def test_messages_are_packs_with_rising_numbers_and_times(samples: int, readings: int) -> None:
    clock = ManualClock()
    fleet = Fleet(3, readings, samples)
    stream = Stream(fleet, clock.now_ms)
    times: dict[str, list[int]] = {}
    for at in range(12):
        topic, packet_id, payload = parts(stream.message(at + 1))
        pack = decode(payload, received_ms=0)
        assert Topic.parse(topic) == Topic(fleet.name(at % 3), Kind.SAMPLES)
        assert packet_id == at + 1
        assert (pack.epoch, pack.seq) == (fleet.epoch(at % 3), at // 3 + 1)
        times.setdefault(topic, []).extend(sample.time_ms for sample in pack.samples)
        assert all(sample.device == DEVICE and len(sample.values) == readings for sample in pack.samples)
        assert not pack.refusals
        clock.advance(0.007)
    for found in times.values():
        assert found == sorted(set(found))
        assert len(found) == 4 * samples
        assert found[-1] <= clock.now_ms() + 4 * samples


@pytest.mark.parametrize(("form", "relative"), [(Form.ABSOLUTE, False), (Form.RELATIVE, True)])
def test_plain_devices_send_one_reading_and_no_number(form: Form, relative: bool) -> None:
    clock = ManualClock()
    stream = Stream(Fleet(2, 1, form=form), clock.now_ms)
    for _ in range(4):
        _, _, payload = parts(stream.message(1))
        pack = decode(payload, received_ms=START_MS)
        assert (pack.epoch, pack.seq, pack.relative) == (None, None, relative)
        assert [len(sample.values) for sample in pack.samples] == [1]
        assert (pack.samples[0].time_ms == START_MS) is relative


def test_what_is_live_is_of_another_device_and_epoch_and_bears_the_time_of_its_publishing() -> None:
    fleet = Fleet(2, 20)
    stream = Stream(fleet, ManualClock().now_ms, live=True)
    _, _, payload = parts(stream.message(1, START_MS))
    pack = decode(payload, received_ms=0)
    assert (pack.epoch, pack.seq) == (fleet.live_epoch(0), 1)
    assert fleet.live_epoch(0) != fleet.epoch(0)
    assert [(sample.device, sample.time_ms) for sample in pack.samples] == [(LIVE_DEVICE, START_MS)]


def test_births_announce_what_is_sent() -> None:
    (group,) = decode_birth(encode(Birth(session="s", devices=[Fleet(2, 20).device()]))).devices[0].groups
    assert (group.interval_s, len(group.channels)) == (INTERVAL_S, 20)


def test_rows_are_one_for_each_group_and_time() -> None:
    rows = [decode_row(row) for row in Fleet(4, 20).rows(40, START_MS)]
    assert len({(row.group_id, row.time_ms) for row in rows}) == 40
    assert {row.group_id for row in rows} == {1, 2, 3, 4}
    assert all(len(row.values) == 20 for row in rows)
