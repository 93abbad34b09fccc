"""What a person asked `siloscope db` for, and how a feature adds its own subcommands to it."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import Connection

from siloscope_process.clock import Clock
from siloscope_store.connections import connect

APPLICATION = "siloscope db"
ACTOR = f"command:{APPLICATION}"


@dataclass(frozen=True)
class Order:
    """What a person asked for, and what it is carried out with."""

    arguments: argparse.Namespace
    url: str
    clock: Clock
    archive_directory: Path | None = None

    def connect(self) -> Connection[Any]:
        """Open a connection to the database that the person named."""
        return connect(self.url, application_name=APPLICATION)


Action = Callable[[Order], None]
Actions = Any  # argparse does not name the type that add_subparsers returns


def group(actions: Actions, name: str, summary: str) -> Actions:
    """Add a word that further words follow."""
    return actions.add_parser(name, help=summary, description=summary).add_subparsers(required=True, metavar="ACTION")


def action(actions: Actions, name: str, carried_out: Action, summary: str) -> argparse.ArgumentParser:
    """Add a word that is carried out."""
    parser: argparse.ArgumentParser = actions.add_parser(name, help=summary, description=summary)
    parser.set_defaults(action=carried_out)
    return parser
