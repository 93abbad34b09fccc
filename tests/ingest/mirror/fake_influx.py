"""A server that answers POST /api/v2/write as the published API says, and keeps the points as InfluxDB would.

A point with the measurement, tags and time of an earlier one replaces its fields. What the test puts into `answers` is
said first, once each.
"""

import gzip
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "s3cret-token"
_LINE = re.compile(r"(?P<head>(?:\\.|[^ \\])+) (?P<fields>\S+|\S*\"[^\"]*\"\S*) (?P<time>-?\d+)")


@dataclass
class FakeInflux:
    """What the server was given, and how it is to answer."""

    url: str = ""
    points: dict[tuple[str, int], str] = field(default_factory=dict)
    requests: list[int] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    refuses: Callable[[str], bool] = lambda line: False
    partly: int = 400
    says: str = "partial write: dropped={dropped}"
    keeps_the_others: bool = True
    after_write: Callable[[], None] = lambda: None

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], str]:
        """Return status, headers and message, after taking what can be taken."""
        asked = urlsplit(path)
        query = parse_qs(asked.query)
        if asked.path != "/api/v2/write":
            return 404, {}, "not found"
        if headers.get("authorization") != f"Token {TOKEN}":
            return 401, {}, "unauthorized access"
        if self.answers:
            status, extra = self.answers.pop(0)
            return status, extra, "told to"
        assert (query["org"], query["bucket"], query["precision"]) == (["farm"], ["silo"], ["ms"])
        assert headers["content-encoding"] == "gzip"
        lines = gzip.decompress(body).decode().splitlines()
        self.requests.append(len(lines))
        bad, good = 0, {}
        for line in lines:
            found = _LINE.fullmatch(line)
            if found is None or self.refuses(line):
                bad += 1
            else:
                good[found["head"], int(found["time"])] = found["fields"]
        if not bad or self.keeps_the_others:
            self.points |= good
        self.after_write()
        return (204, {}, "") if not bad else (self.partly, {}, self.says.format(dropped=bad))


@contextmanager
def fake_influx() -> Iterator[FakeInflux]:
    """Run the server on a free port."""
    fake = FakeInflux()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            given = {name.lower(): value for name, value in self.headers.items()}
            status, headers, message = fake.answer(self.path, given, body)
            text = json.dumps({"code": "invalid", "message": message}).encode() if status != 204 else b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
