"""`siloscope alerting`: evaluate rules and send what they say; any number may run, one holds the lease and works."""

import argparse
from collections.abc import Mapping

from siloscope_alerting.settings import AlertingSettings
from siloscope_process.command_line import Command
from siloscope_process.errors import Stop
from siloscope_process.settings import load


def configure(parser: argparse.ArgumentParser) -> None:
    """Take no arguments: the service is told by environment variables."""


def run(_arguments: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run until SIGTERM."""
    load(AlertingSettings, environ)
    raise Stop("rules are not evaluated yet in this version")


command = Command("evaluate rules and send what they say", configure, run)
