"""What a fuzzer that atheris leads does with its arguments."""

import sys
from collections.abc import Callable, Iterable
from hashlib import sha256
from pathlib import Path

import atheris


def run(one_input: Callable[[bytes], None], seeds: Iterable[bytes]) -> None:
    """Fill the first folder among the arguments with seeds, and run until told otherwise."""
    folders = [Path(each) for each in sys.argv[1:] if not each.startswith("-")]
    for folder in folders[:1]:
        folder.mkdir(parents=True, exist_ok=True)
        for seed in seeds:
            (folder / sha256(seed).hexdigest()[:16]).write_bytes(seed)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
