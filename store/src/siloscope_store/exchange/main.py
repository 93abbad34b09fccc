"""`siloscope data`: bring files in, take files out."""

import argparse
from collections.abc import Mapping

from siloscope_process.command_line import Command
from siloscope_process.settings import load
from siloscope_store.connections import one_line_refusals
from siloscope_store.exchange import export_command, import_command
from siloscope_store.settings import DatabaseSettings


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    import_command.configure(actions)
    export_command.configure(actions)


def run(arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Carry out the chosen action."""
    url = load(DatabaseSettings, environ).database_url
    with one_line_refusals(url):
        code: int = arguments.carry_out(arguments, url)
    return code


command = Command("import and export measurements: CSV, Parquet, XLSX, InfluxDB line protocol", configure, run)
