"""What is no request is refused by name, what is too much is refused before it is read, and answers are whole."""

from http import HTTPStatus

import pytest

from siloscope_process.http_messages import (
    MAX_FIELDS,
    MAX_HEAD_BYTES,
    MAX_TARGET_BYTES,
    Answer,
    Refused,
    end_of_head,
    read_head,
)

GOOD = b"GET /values.json?device=bin%201&step_s=600 HTTP/1.1\r\nHost: yard-pi:8180\r\nAccept: a\r\naccept: b\r\n\r\n"


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),  # TLS
        (b"GET\r\n", 400),
        (b"GET /", 400),
        (b"GET  / HTTP/1.1\r\nHost: x", 400),
        (b"get / HTTP/1.1\r\nHost: x", 400),
        (b"GET / HTTP/1.1 \r\nHost: x", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: x", 400),
        (b"GET http://elsewhere/ HTTP/1.1\r\nHost: x", 400),
        (b"GET * HTTP/1.1\r\nHost: x", 400),
        (b"GET / HTTP/2.0\r\nHost: x", 505),
        (b"GET / HTTP/0.9\r\nHost: x", 505),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3", 405),
        (b"TRACE / HTTP/1.1\r\nHost: x", 405),
        (b"CONNECT a:1 HTTP/1.1\r\nHost: x", 405),
        (b"GET / HTTP/1.1", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nno colon", 400),
        (b"GET / HTTP/1.1\r\nHost : x", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\nc: d", 400),
        (b"GET /?a=%ff HTTP/1.1\r\nHost: x", 400),
        (b"GET /?a=1&a=2 HTTP/1.1\r\nHost: x", 400),
        (b"GET /?" + b"&".join(b"a%d=1" % at for at in range(20)) + b" HTTP/1.1\r\nHost: x", 400),
        (b"GET /" + b"a" * MAX_TARGET_BYTES + b" HTTP/1.1\r\nHost: x", 414),
        (b"GET / HTTP/1.1\r\n" + b"\r\n".join(b"A: b" for _ in range(MAX_FIELDS + 1)), 431),
    ],
)
def test_what_is_no_request_of_ours_is_refused(head: bytes, status: int) -> None:
    with pytest.raises(Refused) as refused:
        read_head(head + b"\r\n\r\n")
    assert refused.value.status == status


def test_a_head_that_does_not_end_is_refused_at_its_bound() -> None:
    assert end_of_head(b"G" * MAX_HEAD_BYTES) is None
    for flood in (b"G" * (MAX_HEAD_BYTES + 1), b"G" * (MAX_HEAD_BYTES + 1) + b"\r\n\r\n"):
        with pytest.raises(Refused) as refused:
            end_of_head(flood)
        assert refused.value.status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE


def test_a_request_is_read_and_its_path_left_as_it_was_sent() -> None:
    assert end_of_head(GOOD + b"more") == len(GOOD)
    request = read_head(GOOD, "10.0.0.7")
    assert (request.method, request.path, request.peer) == ("GET", "/values.json", "10.0.0.7")
    assert request.parameters == {"device": "bin 1", "step_s": "600"}
    assert request.headers == {"host": "yard-pi:8180", "accept": "a, b"}
    assert read_head(b"GET /%2e%2e/etc HTTP/1.0\r\n\r\n").path == "/%2e%2e/etc"


def test_an_answer_says_its_length_and_that_the_connection_ends() -> None:
    answer = Answer(HTTPStatus.OK, "text/plain", b"hello", {"X-A": "b"})
    head, _, body = answer.encoded({"X-C": "d", "X-A": "e"}).partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"X-C: d",
        b"X-A: b",
        b"Content-Type: text/plain",
        b"Content-Length: 5",
        b"Connection: close",
    ]
    assert body == b"hello"
    assert answer.encoded({"X-C": "d"}, with_body=False) == head + b"\r\n\r\n"


def test_not_modified_has_no_length() -> None:
    assert b"Content-" not in Answer(HTTPStatus.NOT_MODIFIED, "text/html", b"", {"ETag": '"1"'}).encoded()
