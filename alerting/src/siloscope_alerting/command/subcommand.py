"""What a module of `siloscope alerts` offers."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Subcommand:
    """One word after `siloscope alerts`; `run` returns the exit code and may raise `Stop`."""

    name: str
    summary: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Mapping[str, str]], int]
