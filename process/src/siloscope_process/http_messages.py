"""Requests and answers of HTTP/1.1 as bytes: read strictly, written whole. No I/O.

Only what a small read-only server needs: GET and HEAD, no body, one request a connection. Source: RFC 9110, RFC 9112.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl

import msgspec

MAX_HEAD_BYTES = 8192
MAX_TARGET_BYTES = 1024
MAX_FIELDS = 64
_MAX_PARAMETERS = 16
_END = b"\r\n\r\n"
_REQUEST_LINE = re.compile(r"([A-Z]{1,16}) ([!-~]+) HTTP/(\d)\.(\d)")
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*)")
_READING = ("GET", "HEAD")


class Refused(Exception):
    """A request is answered with an error.

    Attributes:
        status: Of the answer.
        headers: Further headers of it.
    """

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class Request:
    """What is asked.

    Attributes:
        method: GET or HEAD.
        path: As it was sent: nothing in it is decoded, so that nothing but a known path is one.
        parameters: Of the query, decoded.
        headers: By lower-case name.
        peer: Address that it comes from.
    """

    method: str
    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    peer: str = ""


@dataclass(frozen=True)
class Answer:
    """What is answered; its length, and that the connection ends, are added where it is written."""

    status: HTTPStatus
    content_type: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self, more: Mapping[str, str] | None = None, *, with_body: bool = True) -> bytes:
        """Return the answer as it goes over the wire, with more headers."""
        headers = {**(more or {}), **self.headers}
        if self.status is not HTTPStatus.NOT_MODIFIED:
            headers |= {"Content-Type": self.content_type, "Content-Length": str(len(self.body))}
        headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {self.status.value} {self.status.phrase}", *(f"{k}: {v}" for k, v in headers.items() if v)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (self.body if with_body else b"")


def as_json(status: HTTPStatus, content: object, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer of JSON."""
    return Answer(status, "application/json", msgspec.json.encode(content), dict(headers or {}))


def refusal(error: Refused) -> Answer:
    """Return the answer to a request that is refused."""
    return as_json(error.status, {"error": str(error)}, error.headers)


def end_of_head(received: bytes | bytearray) -> int | None:
    """Return where the head of a request ends; None while it has not ended.

    Raises:
        Refused: It is too large to be one.
    """
    end = received.find(_END)
    if end > MAX_HEAD_BYTES or (end < 0 and len(received) > MAX_HEAD_BYTES):
        raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a head has at most {MAX_HEAD_BYTES} bytes")
    return end + len(_END) if end >= 0 else None


def read_head(head: bytes, peer: str = "") -> Request:
    """Return the request of a whole head.

    Raises:
        Refused: It is none, or none that is answered here.
    """
    first, *lines = head.removesuffix(_END).decode("latin-1").split("\r\n")
    found = _REQUEST_LINE.fullmatch(first)
    if found is None:
        raise Refused(HTTPStatus.BAD_REQUEST, "the first line is no request of HTTP")
    method, target, major, minor = found.groups()
    if major != "1":
        raise Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is spoken here")
    if len(target) > MAX_TARGET_BYTES:
        raise Refused(HTTPStatus.REQUEST_URI_TOO_LONG, f"an address has at most {MAX_TARGET_BYTES} bytes")
    if method not in _READING:
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not allowed here; use GET", {"Allow": "GET, HEAD"})
    if not target.startswith("/"):
        raise Refused(HTTPStatus.BAD_REQUEST, "an address begins with /")
    headers = _fields(lines)
    if minor != "0" and "host" not in headers:
        raise Refused(HTTPStatus.BAD_REQUEST, "a request of HTTP/1.1 has a Host")
    path, _, query = target.partition("?")
    return Request(method, path, _parameters(query), headers, peer)


def _fields(lines: list[str]) -> dict[str, str]:
    if len(lines) > MAX_FIELDS:
        raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a head has at most {MAX_FIELDS} fields")
    headers: dict[str, str] = {}
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:
            raise Refused(HTTPStatus.BAD_REQUEST, "a field of the head is malformed")
        name, value = found[1].lower(), found[2].strip(" \t")
        if name == "host" and name in headers:
            raise Refused(HTTPStatus.BAD_REQUEST, "a request has one Host")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _parameters(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
    except ValueError as error:  # not UTF-8, or too many
        raise Refused(HTTPStatus.BAD_REQUEST, "the part behind ? is malformed") from error
    if len({name for name, _ in pairs}) < len(pairs):
        raise Refused(HTTPStatus.BAD_REQUEST, "a parameter is given twice")
    return dict(pairs)
