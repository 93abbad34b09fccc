"""URLs are called within bounds: in time, to this machine or a private network, with nothing followed."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from siloscope_contract.quality import Quality
from siloscope_edge.alarms import calls
from siloscope_edge.alarms.outputs import Call
from siloscope_edge.errors import ActionFailed

SAID = {"output": "speaker", "on": True}


class Listener:
    """An HTTP server that answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer = b"HTTP/1.1 204 No Content\r\n\r\n"
        self.heard: list[bytes] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), 0)
        self.heard.append(head + await reader.readexactly(length))
        if self.answer:
            writer.write(self.answer)
        else:
            await reader.read()
        writer.close()


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    made = Listener()
    await made.start()
    yield made
    await made.stop()


async def make(call: Call, **changed: Any) -> None:
    await calls.made(call, SAID, **{"timeout_s": 5.0, "allow_public": False, **changed})


async def test_a_get_asks_for_path_and_query(listener: Listener) -> None:
    await make(Call(f"http://127.0.0.1:{listener.port}/relay/0?turn=on"))
    assert listener.heard[0].startswith(b"GET /relay/0?turn=on HTTP/1.1\r\nHost: 127.0.0.1:")


@pytest.mark.parametrize(("body", "sent"), [(None, SAID), ({"a": 1}, {"a": 1})])
async def test_a_post_brings_its_body_or_says_what_happened(
    listener: Listener, body: dict[str, Any] | None, sent: dict[str, Any]
) -> None:
    await make(Call(f"http://localhost:{listener.port}", "POST", body))
    head, _, content = listener.heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST / HTTP/1.1")
    assert json.loads(content) == sent


@pytest.mark.parametrize(
    ("answer", "quality", "words"),
    [
        (b"HTTP/1.1 500 Oh\r\n\r\n", Quality.DEVICE_EXCEPTION, "answered 500"),
        (b"HTTP/1.1 302 There\r\nLocation: http://127.0.0.1/\r\n\r\n", Quality.DEVICE_EXCEPTION, "answered 302"),
        (b"SSH-2.0-OpenSSH\r\n", Quality.COMM_FAILURE, "no answer of HTTP"),
        (b"HTTP/1.1 200", Quality.COMM_FAILURE, "12 bytes read"),
        (b"x" * 20_000, Quality.COMM_FAILURE, "exceed"),
    ],
)
async def test_only_an_answer_of_2xx_is_success(
    listener: Listener, answer: bytes, quality: Quality, words: str
) -> None:
    listener.answer = answer
    with pytest.raises(ActionFailed, match=words) as failure:
        await make(Call(f"http://127.0.0.1:{listener.port}/?key=secret"))
    assert failure.value.quality is quality
    assert "secret" not in str(failure.value)
    assert len(listener.heard) == 1


async def test_who_does_not_answer_is_given_up(listener: Listener) -> None:
    listener.answer = b""
    with pytest.raises(ActionFailed, match=r"no answer within 0\.05 s"):
        await make(Call(f"http://127.0.0.1:{listener.port}/"), timeout_s=0.05)


async def test_who_is_not_there_is_a_failure() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(ActionFailed, match="GET http://127"):
            await make(Call(f"http://127.0.0.1:{bound.getsockname()[1]}/"))


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True), ("10.1.2.3", True), ("172.16.0.1", True), ("192.168.0.9", True), ("169.254.3.4", True),
        ("100.64.0.7", True), ("[::1]", True), ("[fd00::1]", True), ("[fe80::1]", True), ("[::ffff:10.0.0.1]", True),
        ("siren.local", True), ("8.8.8.8", False), ("172.32.0.1", False), ("0.0.0.1", False), ("224.0.0.1", False),
        ("255.255.255.255", False), ("[2001:4860:4860::8888]", False), ("[::ffff:8.8.8.8]", False), ("[::]", False),
    ],
)  # fmt: skip
def test_an_address_is_judged_before_it_is_called(host: str, allowed: bool) -> None:
    call = Call(f"http://{host}/on")
    assert (calls.obstacle(call, allow_public=False) == "") is allowed
    assert calls.obstacle(call, allow_public=True) == ""


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".local"])
async def test_a_name_that_is_none_is_a_failure(host: str) -> None:
    with pytest.raises(ActionFailed, match="GET http://"):
        await make(Call(f"http://{host}/"))


def resolves_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[Any]:
    """Have each question for a name answered with the next of these, and return the questions."""
    asked: list[Any] = []

    async def resolved(host: str, port: int, **_named: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers[len(asked) - 1]]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    return asked


async def test_who_listens_on_the_second_address_of_a_name_is_reached(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves_to(monkeypatch, ["127.9.9.9", "127.0.0.1"])
    await make(Call(f"http://localhost:{listener.port}/on"))
    assert len(listener.heard) == 1


async def test_a_first_address_that_hangs_leaves_time_for_the_second(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves_to(monkeypatch, ["127.9.9.9", "127.0.0.1"])
    connect = asyncio.open_connection

    async def hanging(address: str, *given: Any, **named: Any) -> Any:
        if address == "127.9.9.9":
            await asyncio.Event().wait()
        return await connect(address, *given, **named)

    monkeypatch.setattr(asyncio, "open_connection", hanging)
    await make(Call(f"http://siren.local:{listener.port}/on"), timeout_s=0.5)
    assert len(listener.heard) == 1


async def test_a_name_is_asked_for_once_so_that_it_cannot_change_its_mind(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = resolves_to(monkeypatch, ["127.0.0.1"], ["8.8.8.8"])
    await make(Call(f"http://siren.example:{listener.port}/on"))
    assert asked == ["siren.example"]
    assert f"Host: siren.example:{listener.port}".encode() in listener.heard[0]


async def test_a_name_that_leads_outside_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    async def resolved(*_arguments: Any, **_named: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("127.0.0.1", "8.8.8.8")]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved)
    with pytest.raises(ActionFailed, match=r"8\.8\.8\.8, neither this machine nor a private network"):
        await make(Call("http://siren.example/on"))
