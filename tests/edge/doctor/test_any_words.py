"""Whatever stands in registers, and whatever comes back, the doctor neither breaks nor makes numbers up."""

import asyncio
import math

from hypothesis import given
from hypothesis import strategies as some

from siloscope_edge.doctor.clues import Clue
from siloscope_edge.doctor.framing import frames_in, rtu_frame, rtu_outcome, tcp_frame, tcp_outcome
from siloscope_edge.doctor.ranking import rank
from siloscope_edge.doctor.survey import Questions, survey
from tests.edge.doctor.simulated_bus import QuickClock, Registers, SimulatedBus

words = some.one_of(some.integers(0, 0xFFFF), some.sampled_from([0, 0x7FC0, 0x7F80, 0xFF80, 0x8000, 0xFFFF, 0x3030]))
columns = some.lists(some.lists(words, min_size=2, max_size=2), min_size=1, max_size=6)
clues = some.builds(
    Clue,
    some.sampled_from(["", "temperature", "wind_direction", "rain", "count", "ratio"]),
    some.sampled_from(["", "0", "23.4", "-1e9", "1e300"]),
    some.sampled_from([None, 0, 1, 40_002]),
)


@given(columns, clues)
def test_any_words_are_ranked(columns: list[list[int]], clue: Clue) -> None:
    ranking = rank(clue, {"holding": dict(enumerate(columns))})
    shares = [group[0].share for group in ranking.groups]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1.001
    for group in ranking.groups:
        assert all(value is None or math.isfinite(value) for each in group for value in each.values)
        assert len({each.values for each in group}) == 1


@given(some.binary(max_size=64), some.binary(max_size=8))
def test_any_bytes_are_some_outcome(received: bytes, before: bytes) -> None:
    request = rtu_frame(1, bytes.fromhex("0300000002"))
    for outcome in (
        rtu_outcome(request, before + received, 0.1),
        tcp_outcome(tcp_frame(1, 1, bytes.fromhex("0300000002")), received, 0.1),
    ):
        assert outcome.is_alive or not outcome.pdu or outcome.exception in (10, 11)
    assert all(len(frame) >= 5 for frame in frames_in(received))


@given(some.integers(0, 3), some.binary(max_size=12))
def test_an_answer_of_another_size_becomes_no_word(short_by: int, tail: bytes) -> None:
    """A TCP host's length is its own word: what is missing must not be read as 0."""
    right = Registers({3: dict.fromkeys(range(4), 0x1111)})

    def torn(pdu: bytes) -> tuple[bytes, float] | None:
        answer, after_s = right(pdu) or (b"", 0.0)
        return (answer[: len(answer) - 1 - short_by] + tail if answer[0] == 3 else answer), after_s

    clock = QuickClock()
    bus = SimulatedBus(clock, {1: torn}, baud=0)
    found = asyncio.run(survey(bus, Questions(units=(1,), tables=("holding",), rounds=1), clock, within_s=60))
    for table in found.devices[0].tables if found.devices else []:
        assert all(len(tail) == 1 + short_by for word in table.words.values() if word != [0x1111])
