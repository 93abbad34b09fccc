"""`siloscope alerts check FILE…`: say whether rule files can be read, and what is wrong at which line."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from siloscope_alerting.command.subcommand import Subcommand
from siloscope_contract.alerts.rules import RuleFile
from siloscope_process.documents import Document


def configure(parser: argparse.ArgumentParser) -> None:
    """Take the files."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")


def run(arguments: argparse.Namespace, _environ: Mapping[str, str]) -> int:
    """Read each file; the first fault ends it."""
    for file in arguments.files:
        found = Document.read(file).convert(RuleFile)
        sys.stdout.write(f"{file}: {len(found.rules)} rules\n")
    return 0


subcommand = Subcommand("check", "say whether rule files can be read, and what is wrong at which line", configure, run)
