"""What an endpoint answers, however long it is and whatever it is written in."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from siloscope_ingest.mirror.endpoint import EndpointAway, InfluxEndpoint, PointsRefused

FOREVER = b"x" * 65_536
MOST_TAKEN = 64 << 20


@contextmanager
def answering(*pieces: bytes, endless: bool = False) -> Iterator[tuple[InfluxEndpoint, list[int]]]:
    """Answer one request; give the endpoint, and how many bytes of the answer it let itself be sent."""
    sent: list[int] = []

    def answer() -> None:
        taken, _ = server.accept()
        with taken, suppress(OSError):
            taken.recv(65_536)
            for piece in pieces:
                taken.sendall(piece)
            while endless and sum(sent) < MOST_TAKEN:
                taken.sendall(FOREVER)
                sent.append(len(FOREVER))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer)
        thread.start()
        endpoint = InfluxEndpoint(f"http://127.0.0.1:{server.getsockname()[1]}", "farm", "silo", "token", 30)
        try:
            yield endpoint, sent
        finally:
            endpoint.close()
            thread.join()


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_without_end_is_read_no_further_than_it_is_told(status: int) -> None:
    head = f"HTTP/1.1 {status} So be it\r\nContent-Type: text/html\r\n\r\n".encode()
    with answering(head, endless=True) as (endpoint, sent), pytest.raises(EndpointAway, match=f"answers {status}"):
        await endpoint.write(b"m v=1 1")
    assert sum(sent) < MOST_TAKEN


async def test_a_refusal_in_no_encoding_is_a_refusal() -> None:
    said = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 9\r\n\r\nbad \xff\xfe l."
    with answering(said) as (endpoint, _), pytest.raises(PointsRefused, match=r"400: bad \ufffd"):
        await endpoint.write(b"m v=1 1")


async def test_an_answer_that_breaks_off_is_none() -> None:
    said = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 100\r\n\r\nunable to"
    with answering(said) as (endpoint, _), pytest.raises(EndpointAway, match="does not answer"):
        await endpoint.write(b"m v=1 1")
