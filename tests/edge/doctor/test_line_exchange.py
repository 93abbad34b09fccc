"""On a real pseudo-terminal and a real TCP port: what comes back is told from silence, echo, noise and collisions."""

from collections.abc import AsyncIterator

import pytest

from siloscope_edge.checksums import crc16_modbus
from siloscope_edge.doctor.exchange import Outcome, read_pdu
from siloscope_edge.doctor.framing import has_swapped_checksum
from siloscope_edge.doctor.line_exchange import LineExchange
from siloscope_edge.drivers.modbus.lines import ModbusRtu, ModbusRtuTcp, ModbusTcp
from siloscope_edge.errors import PortUnavailable, Trouble
from siloscope_process.clock import SystemClock
from tests.edge.doctor.simulated_bus import Registers
from tests.edge.drivers.fake_line import FakeServer, FakeTerminal
from tests.edge.drivers.modbus.fake_host import FakeModbusHost, holding, refusing

REQUEST = bytes.fromhex("010300000001840A")
ANSWER = bytes.fromhex("01030200DBF81F")
EXCEPTION = bytes.fromhex("018302C0F1")
NEIGHBOUR = bytes.fromhex("FE04020190ACD8")
READ = read_pdu(3, 0, 1)


@pytest.fixture
async def terminal() -> AsyncIterator[FakeTerminal]:
    made = FakeTerminal(lambda data: b"")
    yield made
    made.close()


async def asked(terminal: FakeTerminal, answer: bytes, *, pdu: bytes = READ, linger_s: float = 0.0) -> Outcome:
    terminal.answer = lambda data: answer
    async with LineExchange(ModbusRtu(terminal.port), SystemClock()) as exchange:
        return await exchange.ask(1, pdu, 0.05, linger_s=linger_s)


async def test_a_published_answer_is_an_answer(terminal: FakeTerminal) -> None:
    outcome = await asked(terminal, ANSWER)
    assert terminal.heard == [REQUEST]
    assert (outcome.content.hex(), outcome.trouble, outcome.is_alive) == ("00db", None, True)


async def test_an_exception_is_a_sign_of_life(terminal: FakeTerminal) -> None:
    outcome = await asked(terminal, EXCEPTION)
    assert (outcome.exception, outcome.is_alive, outcome.content) == (2, True, b"")


@pytest.mark.parametrize(
    ("received", "trouble", "broken"),
    [
        (b"", Trouble.NO_ANSWER, False),
        (REQUEST, Trouble.ECHO, False),
        (b"\xff\x13\x00", Trouble.NOISE, True),
        (ANSWER[:-1] + b"\x00", Trouble.WRONG_CHECKSUM, True),
        (ANSWER[:4], Trouble.SHORT_FRAME, True),
        (NEIGHBOUR, Trouble.UNSOLICITED, False),
    ],
)
async def test_what_is_no_answer_has_its_name(
    terminal: FakeTerminal, received: bytes, trouble: Trouble, *, broken: bool
) -> None:
    outcome = await asked(terminal, received)
    assert (outcome.trouble, outcome.is_broken, outcome.is_alive) == (trouble, broken, False)
    assert outcome.late == ((0xFE,) if received == NEIGHBOUR else ())


@pytest.mark.parametrize(("before", "trouble"), [(REQUEST, Trouble.ECHO), (b"\x55" * 40, Trouble.NOISE)])
async def test_an_answer_is_found_behind_what_stands_before_it(
    terminal: FakeTerminal, before: bytes, trouble: Trouble
) -> None:
    outcome = await asked(terminal, before + ANSWER)
    assert (outcome.content.hex(), outcome.trouble) == ("00db", trouble)


async def test_a_second_answer_is_noticed(terminal: FakeTerminal) -> None:
    assert not (await asked(terminal, ANSWER, linger_s=0.02)).again
    assert (await asked(terminal, ANSWER + EXCEPTION, linger_s=0.02)).again


async def test_a_late_answer_is_known_by_its_unit_id(terminal: FakeTerminal) -> None:
    async with LineExchange(ModbusRtu(terminal.port), SystemClock()) as exchange:
        assert not (await exchange.ask(1, READ, 0.02)).is_alive
        terminal.say(ANSWER)
        assert (await exchange.ask(2, READ, 0.05)).late == (1,)


async def test_a_checksum_with_its_bytes_swapped_is_known(terminal: FakeTerminal) -> None:
    outcome = await asked(terminal, ANSWER[:-2] + ANSWER[:-3:-1])
    assert (outcome.trouble, has_swapped_checksum(outcome.raw)) == (Trouble.WRONG_CHECKSUM, True)
    assert not has_swapped_checksum(ANSWER[:-1] + b"\x00")


async def test_an_identity_is_taken_whole_although_its_size_is_said_nowhere(terminal: FakeTerminal) -> None:
    body = bytes.fromhex("012b0e01010000020004") + b"ACME" + bytes.fromhex("0103") + b"TH1"
    outcome = await asked(terminal, body + crc16_modbus(body).to_bytes(2, "little"), pdu=bytes.fromhex("2b0e0100"))
    assert outcome.pdu == body[1:]


@pytest.mark.parametrize("pdu", [bytes.fromhex("0600010002"), bytes.fromhex("0500010000"), bytes.fromhex("08")])
async def test_a_write_is_refused_before_it_is_sent(terminal: FakeTerminal, pdu: bytes) -> None:
    async with LineExchange(ModbusRtu(terminal.port), SystemClock()) as exchange:
        with pytest.raises(ValueError, match="only reads"):
            await exchange.ask(1, pdu, 0.05)
    assert terminal.heard == []


async def test_a_sensor_that_sleeps_is_woken(terminal: FakeTerminal) -> None:
    terminal.answer = lambda data: ANSWER if data.endswith(REQUEST) else b""
    async with LineExchange(ModbusRtu(terminal.port), SystemClock(), wake=True) as exchange:
        assert (await exchange.ask(1, READ, 0.2)).is_alive
    assert b"".join(terminal.heard) == b"\x00" + REQUEST


async def test_a_port_that_somebody_has_locked_is_refused(terminal: FakeTerminal) -> None:
    async with LineExchange(ModbusRtu(terminal.port), SystemClock()):
        with pytest.raises(PortUnavailable, match="lock"):
            async with LineExchange(ModbusRtu(terminal.port), SystemClock()):
                pass


async def test_who_talks_unasked_is_heard(terminal: FakeTerminal) -> None:
    async with LineExchange(ModbusRtu(terminal.port), SystemClock()) as exchange:
        terminal.say_soon(NEIGHBOUR)
        assert await exchange.listen(0.08) == NEIGHBOUR


async def test_character_times_are_those_of_the_line() -> None:
    assert LineExchange(ModbusRtu("x", 9600, "E"), SystemClock()).wire_s(96) == pytest.approx(0.11)
    assert LineExchange(ModbusTcp("x"), SystemClock()).wire_s(96) == 0


async def test_a_tcp_host_answers_refuses_and_is_silent() -> None:
    host = FakeModbusHost({1: holding({0: 219}), 2: refusing(2)})
    await host.start()
    async with LineExchange(ModbusTcp("127.0.0.1", host.port), SystemClock()) as exchange:
        assert (await exchange.ask(1, READ, 1.0)).content.hex() == "00db"
        assert (await exchange.ask(2, READ, 1.0)).exception == 2
        silent = await exchange.ask(3, READ, 0.05)
        assert (silent.trouble, silent.is_alive) == (Trouble.NO_ANSWER, False)
        assert (await exchange.ask(1, READ, 1.0)).is_alive
    await host.stop()


async def test_a_host_that_hangs_up_is_called_again() -> None:
    host = FakeModbusHost({1: holding({0: 219})})
    await host.start()
    async with LineExchange(ModbusTcp("127.0.0.1", host.port), SystemClock()) as exchange:
        assert (await exchange.ask(1, READ, 1.0)).is_alive
        await host.stop()
        assert (await exchange.ask(1, READ, 1.0)).hung_up
        await host.start()
        assert (await exchange.ask(1, READ, 1.0)).is_alive
    await host.stop()


async def test_a_host_that_speaks_otherwise_is_noise_not_an_answer() -> None:
    server = FakeServer(lambda data: b"220 welcome\r\n")
    await server.start()
    async with LineExchange(ModbusTcp("127.0.0.1", server.port), SystemClock()) as exchange:
        outcome = await exchange.ask(1, READ, 0.05)
        assert (outcome.trouble, outcome.is_broken) == (Trouble.NOISE, True)
    await server.stop()


async def test_through_a_terminal_server() -> None:
    device = Registers({3: {0: 219}})

    def answer(data: bytes) -> bytes:
        said = device(data[1:-2])
        body = data[:1] + (said[0] if said else b"")
        return body + crc16_modbus(body).to_bytes(2, "little")

    server = FakeServer(answer)
    await server.start()
    async with LineExchange(ModbusRtuTcp("127.0.0.1", server.port), SystemClock()) as exchange:
        assert (await exchange.ask(1, READ, 1.0)).content.hex() == "00db"
        assert (await exchange.ask(1, read_pdu(3, 5, 1), 1.0)).exception == 2
    await server.stop()
