"""Coverage-guided fuzzing of how packets are cut with atheris, by hand.

    python -m tests.fuzz.frames CORPUS_FOLDER -max_total_time=3600

How to begin, and how to see which way the compiled code takes: docs/testing.md.
"""

from collections.abc import Iterator

import atheris

with atheris.instrument_imports(include=["siloscope_ingest.frames"]):
    import siloscope_ingest.frames  # noqa: F401  what is to be watched must be imported here

from tests.fuzz.coverage_guided import run
from tests.fuzz.packets import check
from tests.fuzz.seeds import golden


def seeds() -> Iterator[bytes]:
    """Yield packets of MQTT 3.1.1 and 5 around the golden messages."""
    topic = b"\x00\x1bsilo/v1/demo/farm/node/data"
    for message in golden():
        for command, head in ((0x30, topic), (0x32, topic + b"\x00\x07"), (0x3B, topic + b"\x01\x00\x02\x23\x00")):
            body = head + message
            yield bytes([command, len(body) & 127 | 128, len(body) >> 7 & 127 | 128, len(body) >> 14]) + body
    yield b"\x20\x03\x00\x00\x00\xd0\x00\x40\x02\x00\x07\x30\x80"


if __name__ == "__main__":
    run(check, seeds())
