"""Whatever a master sends: an instrument answers as it should or stays silent, and is there for the next request."""

from hypothesis import given
from hypothesis import strategies as st

from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.instruments.relay_8ch import Relay8ch
from siloscope_firmware_sim.instruments.sdm120 import Mains, Sdm120
from siloscope_firmware_sim.instruments.senseair_s8 import SenseairS8
from siloscope_firmware_sim.instruments.wxt520 import Sky, Wxt520
from siloscope_firmware_sim.instruments.xy_md02 import Air, XyMd02
from siloscope_firmware_sim.modbus.bus import SerialBus, Slave
from siloscope_firmware_sim.modbus.checksum import intact, sealed
from siloscope_firmware_sim.modbus.framing import RequestBuffer
from siloscope_firmware_sim.modbus.gateway import Gateway, Header

SKY = Sky((0.0, 10.0, 20.0), (1.0, 2.0, 3.0), 10.0, 50.0, 1000.0, 0.0, 0.0, 0.0)
FUNCTIONS = st.sampled_from([0x01, 0x03, 0x04, 0x05, 0x06, 0x0F, 0x10, 0x2B, 0x83])


def bus() -> SerialBus:
    slaves: list[Slave] = [
        R4dcb08(1, lambda: [20.0]),
        XyMd02(2, lambda: Air(20.0, 50.0)),
        Sdm120(3, lambda: Mains(240.0, 1.0, 200.0, 60.0, 5.0)),
        SenseairS8(lambda: 400.0),
        Relay8ch(9),
    ]
    return SerialBus(slaves, baud=9600)


@given(st.sampled_from([0, 1, 2, 3, 9, 254, 255]), FUNCTIONS, st.binary(max_size=60))
def test_any_sealed_request_gets_silence_or_an_intact_answer(unit_id: int, function: int, rest: bytes) -> None:
    answer = bus().exchange(sealed(bytes((unit_id, function)) + rest))

    assert answer is None or (
        intact(answer.frame) and answer.frame[0] == unit_id and answer.frame[1] & 0x7F == function & 0x7F
    )


@given(st.binary(max_size=300))
def test_any_noise_gets_silence_and_spoils_nothing(noise: bytes) -> None:
    wire, buffer = bus(), RequestBuffer()
    buffer.feed(noise)
    buffer.end()

    assert intact(noise) or wire.exchange(noise) is None or intact(noise[1:])
    assert buffer.feed(sealed(bytes.fromhex("010300000001"))) is not None


@given(st.integers(0, 255), st.binary(min_size=1, max_size=253))
def test_a_gateway_always_answers(unit_id: int, pdu: bytes) -> None:
    reply = Gateway(bus()).ask(Header(7, 0, len(pdu) + 1, unit_id), pdu)

    assert reply.data[:4] == bytes((0, 7, 0, 0))
    assert reply.data[7] & 0x7F == pdu[0] & 0x7F
    assert int.from_bytes(reply.data[4:6]) == len(reply.data) - 6


@given(st.one_of(st.binary(max_size=40), st.text(alphabet="0?rRXZSU,=123570GoeKid", max_size=12).map(str.encode)))
def test_a_transmitter_answers_whole_lines_or_nothing(line: bytes) -> None:
    answer = Wxt520("0", lambda: SKY).answer(line)

    assert answer is None or (answer.startswith(b"0") and answer.endswith(b"\r\n"))
