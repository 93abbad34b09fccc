"""Coverage-guided fuzzing of ingest's recipes with atheris, by hand.

    uv pip install atheris
    python -m tests.fuzz.recipes CORPUS_FOLDER -dict=tests/fuzz/senml.dict -max_total_time=3600

Which way the compiled code takes is seen too, where it was built to show it (docs/testing.md).

An input is a few messages of one node, with a zero byte between them: the first ones are learnt from, and so the later
ones may go by what was learnt. Each is sent both ways (`tests.fuzz.both_ways`). The corpus folder is filled first, and
grows.
"""

import re
import sys
from collections.abc import Iterator
from random import Random

import atheris

with atheris.instrument_imports(include=["siloscope_contract", "siloscope_ingest.recipes"]):
    import siloscope_ingest.recipes  # noqa: F401  what is to be watched must be imported here

from siloscope_contract import templates
from siloscope_contract.packs import Epoch, Pack, Sample, encode
from tests.fuzz.both_ways import RECEIVED_MS, BothWays
from tests.fuzz.conversations import conversation
from tests.fuzz.coverage_guided import run
from tests.fuzz.seeds import golden

MOST_MESSAGES = 6
CONVERSATIONS = 200
TELL_EVERY = 1000
FIRST_DIGITS = re.compile(rb'("v":[ \t\r\n]*-?)\d')
counts = {"inputs": 0, "messages": 0, "by recipes": 0}


def one_input(data: bytes) -> None:
    """Check what the fuzzer made, each message with another one behind it that has other values."""
    templates.forget()
    ways = BothWays()
    for message in data.split(b"\0", MOST_MESSAGES)[:MOST_MESSAGES]:
        ways.resolve(message)
        ways.resolve(FIRST_DIGITS.sub(rb"\g<1>3", message))
        counts["messages"] += 2
    counts["inputs"] += 1
    counts["by recipes"] += ways.book.taken
    if counts["inputs"] % TELL_EVERY == 0:
        print(counts, file=sys.stderr)


def seeds() -> Iterator[bytes]:
    """Yield messages that are learnt from, each followed by others like it."""
    for message in golden():
        yield message + b"\0" + message
    for seed in range(CONVERSATIONS):
        yield b"\0".join([message for message in conversation(Random(seed)) if b"\0" not in message][-MOST_MESSAGES:])
    head = Sample("d", RECEIVED_MS - 500, ("a", "v1"), ("Cel", "V"), [1.5, -0.0], [0, 0])
    failed = Sample("d", RECEIVED_MS, ("a", "v1"), (None, "V"), [None, 12.0], [201, 103])
    other = Sample("e", RECEIVED_MS, ("b",), ("hPa",), [1013.25], [0])
    for samples in ([head], [head, failed], [head, other], [failed], [other, head, failed]):
        for epoch, seq in ((Epoch("ab" * 16), 7), (None, None)):
            spelled = encode(Pack(epoch, seq, samples))
            for changed in (
                spelled,
                spelled.replace(b"1.5", b"1.25e1"),
                spelled.replace(b"1.5", b"-0"),
                spelled.replace(b'"Cel"', b'"K"'),
                spelled.replace(b'"v":1', b'"v": 1'),
                spelled.replace(b'"v":1.5', b'"v":1.5,"q":103'),
            ):
                yield spelled + b"\0" + changed
                yield changed + b"\0" + spelled + b"\0" + changed


if __name__ == "__main__":
    run(one_input, seeds())
