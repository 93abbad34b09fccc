"""What each fault does to what is said, and that the witness is told both."""

from siloscope_firmware_sim.faults.schedule import Fault, Faults, Kind
from siloscope_firmware_sim.faults.sensing import Sensing
from siloscope_firmware_sim.faults.talking import FaultyInstrument, Utterance
from siloscope_firmware_sim.faults.wire import Exchange, FaultyWire
from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.modbus.bus import Answer, SerialBus
from siloscope_firmware_sim.modbus.checksum import intact

REQUEST = bytes.fromhex("010300000001840A")
ANSWER = bytes.fromhex("01030200DBF81F")


def exchanged(kind: Kind, victim: str = "head", *, tries: int = 20) -> tuple[list[Answer | None], list[Exchange]]:
    seen: list[Exchange] = []
    faults = Faults([Fault(kind, victim, 0, 10, 1.0)])
    bus = SerialBus([R4dcb08(1, lambda: [21.9])], baud=9600)
    wire = FaultyWire(bus, "line", {1: "head"}, faults, lambda: 5.0, 1, seen.append)
    return [wire.exchange(REQUEST) for _ in range(tries)], seen


def frames(kind: Kind, victim: str = "head") -> list[bytes]:
    answers, seen = exchanged(kind, victim)
    assert all(exchange.told.frame == ANSWER for exchange in seen)
    assert [exchange.sent for exchange in seen] == answers
    return [answer.frame for answer in answers if answer is not None]


def test_the_dead_say_nothing() -> None:
    assert frames(Kind.DEAD) == []


def test_a_checksum_is_wrong_and_the_length_right() -> None:
    assert all(len(frame) == len(ANSWER) and not intact(frame) for frame in frames(Kind.WRONG_CHECKSUM))


def test_a_torn_frame_is_a_beginning() -> None:
    assert all(frame != ANSWER and ANSWER.startswith(frame) for frame in frames(Kind.TORN))


def test_exceptions_are_sound_frames() -> None:
    assert all(intact(frame) and frame[:2] == b"\x01\x83" for frame in frames(Kind.EXCEPTIONS))


def test_a_slow_one_answers_right_and_late() -> None:
    answers, _ = exchanged(Kind.SLOW)
    assert {answer.frame for answer in answers if answer} == {ANSWER}
    assert max(answer.after_s for answer in answers if answer) > 1


def test_noise_and_echo_stand_before_the_answer() -> None:
    noisy = frames(Kind.NOISE, "line")
    assert all(frame.endswith(ANSWER) for frame in noisy)
    assert len(set(noisy)) > 5
    assert set(frames(Kind.ECHO, "line")) == {REQUEST + ANSWER}


def test_others_are_not_harmed() -> None:
    assert set(frames(Kind.DEAD, "another")) == {ANSWER}


class Parrot:
    """Repeats what it hears."""

    def feed(self, data: bytes) -> bytes:
        return data

    def unasked(self, elapsed_s: float) -> bytes:
        return b""


def test_a_talker_is_silent_late_torn_or_harmed() -> None:
    for kind in (Kind.DEAD, Kind.SLOW, Kind.TORN, Kind.WRONG_CHECKSUM):
        seen: list[Utterance] = []
        now_s = [5.0]
        faults = Faults([Fault(kind, "it", 0, 10, 1.0)])
        parrot = FaultyInstrument(Parrot(), "it", "line", faults, lambda at=now_s: at[0], 1, seen.append)  # type: ignore[misc]
        said = [parrot.feed(b"hello") for _ in range(20)]
        assert all(each.told == b"hello" for each in seen)
        assert said != [b"hello"] * 20
        now_s[0] = 60.0
        assert (b"hello" in parrot.unasked(0.1)) is (kind is Kind.SLOW)


def test_an_element_is_stuck_drifts_or_is_missing() -> None:
    def sensed(kind: Kind) -> list[float | None]:
        now_s = [0.0]
        sensing = Sensing("it", Faults([Fault(kind, "it", 10, 100, 1.0)]), lambda: now_s[0])
        found = []
        for at_s in (5.0, 10.0, 60.0):
            now_s[0] = at_s
            found.append(sensing.value(lambda at_s: at_s))
        return found

    assert sensed(Kind.STUCK) == [5, 10, 10]
    assert sensed(Kind.MISSING) == [5, None, None]
    drifting = sensed(Kind.DRIFTING)
    assert drifting[:2] == [5, 10]
    assert drifting[2] is not None
    assert drifting[2] > 60
