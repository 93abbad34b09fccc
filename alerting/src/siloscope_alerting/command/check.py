"""`siloscope alerts check FILE…`: say whether rule files can be read and meant, and what is wrong at which line."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from siloscope_alerting.command.rule_files import RuleDocument
from siloscope_alerting.command.subcommand import Subcommand
from siloscope_process.errors import WrongSetting


def configure(parser: argparse.ArgumentParser) -> None:
    """Take the files."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")


def run(arguments: argparse.Namespace, _environ: Mapping[str, str]) -> int:
    """Judge all files together: what one names may stand in another."""
    documents = [RuleDocument.read(file) for file in arguments.files]
    known = {rule.rule: rule for each in documents for rule in each.rules}
    found = [fault for each in documents for fault in each.faults(known)]
    for fault in found[:-1]:
        sys.stderr.write(f"{fault}\n")
    if found:
        raise WrongSetting(str(found[-1]))
    for each in documents:
        sys.stdout.write(f"{each.name}: {len(each.rules)} rules\n")
    return 0


subcommand = Subcommand("check", "say whether rule files can be read, and what is wrong at which line", configure, run)
