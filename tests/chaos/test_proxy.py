"""The proxy harms what it is told to harm, and nothing else."""

import random
import socket
import threading
from collections.abc import Iterator

import pytest

from siloscope_deploy.servers.ports import LOOPBACK, free_port
from tests.chaos.proxy import Proxy, Way, Weather, flipped

WITHIN_S = 10
MESSAGE = bytes(range(256)) * 1000


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says everything back, on a port."""
    port = free_port()
    listening = socket.create_server((LOOPBACK, port))
    threading.Thread(target=answer, args=(listening,), daemon=True).start()
    yield port
    listening.close()


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    with Proxy("client-echo", echo) as proxy:
        yield proxy


def answer(listening: socket.socket) -> None:
    while True:
        try:
            talk, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=repeat, args=(talk,), daemon=True).start()


def repeat(talk: socket.socket) -> None:
    with talk:
        try:
            while data := talk.recv(65_536):
                talk.sendall(data)
        except OSError:
            return


def connected(proxy: Proxy) -> socket.socket:
    return socket.create_connection((LOOPBACK, proxy.port), timeout=WITHIN_S)


def said(talk: socket.socket, size: int) -> bytes:
    """Return the next bytes, fewer where the connection ends before."""
    heard = b""
    try:
        while len(heard) < size and (data := talk.recv(size - len(heard))):
            heard += data
    except ConnectionError:
        pass
    return heard


def exchanged(proxy: Proxy, message: bytes) -> bytes:
    with connected(proxy) as talk:
        threading.Thread(target=talk.sendall, args=(message,), daemon=True).start()
        return said(talk, len(message))


@pytest.mark.parametrize("weather", [Weather(), Weather(delay_s=0.02), Weather(bytes_per_s=500_000)])
def test_what_is_only_slow_arrives_whole(proxy: Proxy, weather: Weather) -> None:
    proxy.change(weather)
    assert exchanged(proxy, MESSAGE) == MESSAGE


def test_a_cut_ends_every_connection_and_lets_new_ones_in(proxy: Proxy) -> None:
    with connected(proxy) as talk:
        talk.sendall(b"one")
        assert said(talk, 3) == b"one"
        proxy.cut()
        assert said(talk, 1) == b""
    assert exchanged(proxy, b"two") == b"two"


def test_who_is_refused_gets_no_word(proxy: Proxy) -> None:
    proxy.change(Weather(refuses=True))
    with connected(proxy) as talk:
        assert said(talk, 1) == b""
    proxy.clear()
    assert exchanged(proxy, b"again") == b"again"


def test_what_is_held_arrives_later(proxy: Proxy) -> None:
    with connected(proxy) as talk:
        proxy.change(Weather(holds=True))
        talk.sendall(b"held")
        talk.settimeout(0.2)
        with pytest.raises(TimeoutError):
            talk.recv(1)
        proxy.clear()
        talk.settimeout(WITHIN_S)
        assert said(talk, 4) == b"held"


def test_what_is_swallowed_never_arrives_and_the_rest_of_that_stream_neither(proxy: Proxy) -> None:
    with connected(proxy) as talk:
        talk.sendall(b"one")
        assert said(talk, 3) == b"one"
        proxy.change(Weather(swallows=True))
        talk.sendall(b"lost")
        talk.settimeout(0.2)
        with pytest.raises(TimeoutError):
            talk.recv(1)
        talk.settimeout(WITHIN_S)
        proxy.clear()
        assert said(talk, 1) == b""


def test_a_half_open_connection_looks_alive_until_it_is_cleared(proxy: Proxy) -> None:
    with connected(proxy) as talk:
        talk.sendall(b"one")
        assert said(talk, 3) == b"one"
        proxy.half_open()
        talk.sendall(b"into nothing")
        talk.settimeout(0.2)
        with pytest.raises(TimeoutError):
            talk.recv(1)
        talk.settimeout(WITHIN_S)
        proxy.clear()
        assert said(talk, 1) == b""


def test_a_truncated_stream_ends_within_a_piece(proxy: Proxy) -> None:
    proxy.truncate(Way.DOWN)
    assert exchanged(proxy, b"abcdef") == b"abc"
    assert exchanged(proxy, b"abcdef") == b"abcdef"


def test_a_flip_changes_one_bit() -> None:
    chance = random.Random(1)
    for _ in range(100):
        harmed = flipped(MESSAGE, chance)
        differing = [one ^ other for one, other in zip(MESSAGE, harmed, strict=True) if one != other]
        assert [bin(each).count("1") for each in differing] == [1]


def test_flips_happen_as_often_as_they_were_asked_for(proxy: Proxy) -> None:
    proxy.flip(Way.UP, 3)
    heard = b"".join(exchanged(proxy, bytes(8)) for _ in range(60))
    assert sum(bin(byte).count("1") for byte in heard) == 3


def test_of_several_servers_one_that_answers_is_found(echo: int) -> None:
    with Proxy("client-cluster", free_port(), echo, free_port()) as proxy:
        assert [exchanged(proxy, b"hear me") for _ in range(4)] == [b"hear me"] * 4


def test_without_any_server_a_connection_is_ended() -> None:
    with Proxy("client-cluster", free_port(), free_port()) as proxy, connected(proxy) as talk:
        assert said(talk, 1) == b""
