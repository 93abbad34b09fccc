"""`siloscope alerts test FOLDER…`: rule tests, series in and transitions out."""

import argparse
import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

from siloscope_alerting.backtest.cases import accept, folders_of, run_case
from siloscope_alerting.command.subcommand import Subcommand
from siloscope_alerting.errors import RuleRefused
from siloscope_process.errors import WrongSetting


def configure(parser: argparse.ArgumentParser) -> None:
    """Take the folders."""
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="FOLDER", help="with rule.yaml, series.csv, expected.yaml"
    )
    parser.add_argument("--accept", action="store_true", help="write what comes out as what is expected from now on")


def run(arguments: argparse.Namespace, _environ: Mapping[str, str]) -> int:
    """Run every test at or below the folders; exit with 1 where one fails."""
    failed = 0
    try:
        for folder in folders_of(arguments.folders):
            result = asyncio.run(run_case(folder))
            if arguments.accept:
                accept(result)
                sys.stdout.write(f"{folder}: {len(result.report.transitions)} transitions accepted\n")
                continue
            failed += bool(result.differences)
            sys.stdout.write(f"{folder}: {'failed' if result.differences else 'passed'}\n")
            sys.stdout.writelines(f"  {line}\n" for line in result.differences)
    except RuleRefused as error:
        raise WrongSetting(str(error)) from error
    return 1 if failed else 0


subcommand = Subcommand(
    "test", "run rule tests: folders with a series and the transitions that it must cause", configure, run
)
