"""Packs stay within the wire's bounds; gap records of neighbours become one."""

import random
import zlib

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Epoch, Form, Sample, decode
from siloscope_contract.senml import MAX_UNPACKED_BYTES, MAX_WIRE_BYTES
from siloscope_edge.packing import GAPS_PER_PACK, merged, packed

NOW_MS = 1_704_067_200_000
EPOCH = Epoch("ab" * 16)


def sample(at: int, channels: int) -> Sample:
    chance = random.Random(at)
    names = tuple(f"a-rather-long-channel-name-{index}" for index in range(channels))
    values: list[float | None] = [chance.random() * 100 for _ in names]
    return Sample(f"device-{at % 3}", 1_704_067_200_000 + at, names, ("Cel",) * channels, values, [100] * channels)


def gap(first: int, last: int, detail: str = "", kind: GapKind = GapKind.EVICTED) -> Gap:
    return Gap(kind, NOW_MS + first, NOW_MS + last, EPOCH, first, last, detail=detail)


def test_nothing_makes_no_pack() -> None:
    assert packed([], [], epoch=EPOCH, first_seq=1, form=Form.ZLIB) == []


def test_every_pack_fits_and_every_sample_is_in_one() -> None:
    samples = [sample(at, 256) for at in range(40)]
    for form in Form:
        packs = packed(samples, [], epoch=EPOCH, first_seq=7, form=form)
        assert [pack.seq for pack in packs] == list(range(7, 7 + len(packs)))
        assert all(len(pack.payload) <= MAX_WIRE_BYTES for pack in packs)
        if form is Form.ZLIB:
            assert all(len(zlib.decompress(pack.payload)) <= MAX_UNPACKED_BYTES for pack in packs)
        assert [each for pack in packs for each in decode(pack.payload, received_ms=0).samples] == samples
        assert packs[0].first_ms == samples[0].time_ms
        assert packs[-1].last_ms == samples[-1].time_ms


def test_gap_records_travel_in_packs_of_their_own_behind_the_samples() -> None:
    gaps = [gap(2 * at + 1, 2 * at + 1) for at in range(GAPS_PER_PACK + 1)]
    packs = packed([sample(1, 2)], gaps, epoch=EPOCH, first_seq=1, form=Form.ZLIB)
    assert [pack.gaps for pack in packs] == [0, GAPS_PER_PACK, 1]
    assert [each for pack in packs for each in decode(pack.payload, received_ms=0).gaps] == gaps


def test_a_sample_that_is_too_large_for_a_message_is_sent_in_parts() -> None:
    large = sample(1, 1_200)
    packs = packed([large, sample(2, 3)], [], epoch=EPOCH, first_seq=3, form=Form.JSON)
    assert [pack.seq for pack in packs] == list(range(3, 3 + len(packs)))
    assert all(len(pack.payload) <= MAX_WIRE_BYTES for pack in packs)
    found = [each for pack in packs for each in decode(pack.payload, received_ms=0).samples]
    parts = [each for each in found if each.time_ms == large.time_ms]
    assert len(parts) > 1
    assert [name for each in parts for name in each.names] == list(large.names)
    assert [value for each in parts for value in each.values] == large.values


def test_gap_records_with_much_to_say_are_spread_over_packs_that_fit() -> None:
    chance = random.Random(3)
    gaps = [gap(2 * at, 2 * at, chance.randbytes(100).hex()) for at in range(1, GAPS_PER_PACK + 1)]
    packs = packed([], gaps, epoch=EPOCH, first_seq=1, form=Form.JSON)
    assert all(len(pack.payload) <= MAX_WIRE_BYTES for pack in packs)
    assert sum(pack.gaps for pack in packs) == len(gaps)
    assert [each for pack in packs for each in decode(pack.payload, received_ms=0).gaps] == gaps


def test_one_gap_record_beyond_all_bounds_is_told_in_short() -> None:
    (pack,) = packed([], [gap(1, 1, "x" * 100_000)], epoch=EPOCH, first_seq=1, form=Form.JSON)
    (found,) = decode(pack.payload, received_ms=0).gaps
    assert found.detail == "x" * 1_000


def test_neighbouring_numbers_of_one_kind_become_one_record() -> None:
    off = Gap(GapKind.AGENT_OFF, 1, 2)
    found = merged([gap(5, 5), gap(1, 3), off, gap(4, 4), gap(9, 9), gap(10, 10, "another reason")])
    assert found == [gap(1, 5), gap(9, 9), gap(10, 10, "another reason"), off]
