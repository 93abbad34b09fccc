"""The TCP side of a bus."""

from siloscope_firmware_sim.instruments.r4dcb08 import R4dcb08
from siloscope_firmware_sim.modbus.bus import SerialBus
from siloscope_firmware_sim.modbus.gateway import Gateway, Header

GATEWAY = Gateway(SerialBus([R4dcb08(1, lambda: [21.9])], baud=9600), timeout_s=0.3)


def test_a_request_is_answered_under_its_own_transaction_number() -> None:
    reply = GATEWAY.ask(Header.parse(bytes.fromhex("ABCD0000000601")), bytes.fromhex("0300000001"))

    assert reply.data.hex() == "abcd0000000501030200db"
    assert reply.answered


def test_an_absent_unit_is_told_after_the_timeout_as_target_silent() -> None:
    reply = GATEWAY.ask(Header.parse(bytes.fromhex("00010000000609")), bytes.fromhex("0300000001"))

    assert reply.data.hex() == "00010000000309830b"
    assert (reply.after_s, reply.answered) == (0.3, False)


def test_two_units_under_one_address_are_told_as_target_silent() -> None:
    twins = SerialBus([R4dcb08(1, lambda: [21.9]), R4dcb08(1, lambda: [18.4])], baud=9600)
    reply = Gateway(twins).ask(Header.parse(bytes.fromhex("00010000000601")), bytes.fromhex("0300000001"))

    assert reply.data.hex() == "00010000000301830b"


def test_a_header_of_another_protocol_or_length_is_unsound() -> None:
    headers = ("00010001000601", "00010000000001", "00010000000101", "0001000000FF01", "00010000000601")

    assert [Header.parse(bytes.fromhex(text)).sound for text in headers] == [False, False, False, False, True]
