"""Coverage-guided fuzzing of the pack decoder with atheris, by hand.

    uv pip install atheris
    python -m tests.fuzz.pack_decoder CORPUS_FOLDER -dict=tests/fuzz/senml.dict -max_total_time=3600

The corpus folder is filled with the golden messages first and grows as new ways through the code are found. Every
input is held against `tests.fuzz.oracle`: a crash, a wrong value, or two ways of the codec that disagree end the run,
and libFuzzer writes the input to a file `crash-…` (choose where with -artifact_prefix=).
"""

import zlib

import atheris

with atheris.instrument_imports(include=["siloscope_contract", "cbor2"]):
    import siloscope_contract.packs  # noqa: F401  what is to be watched must be imported here

from tests.fuzz.coverage_guided import run
from tests.fuzz.oracle import check
from tests.fuzz.seeds import seeds


def one_input(data: bytes) -> None:
    """Check what the fuzzer made; half of the time compressed, since it would never find a valid stream by itself."""
    check(data)
    if data[:1] in b"[ \t\r\n" and len(data) % 2:
        check(zlib.compress(data, 1))


if __name__ == "__main__":
    run(one_input, seeds())
