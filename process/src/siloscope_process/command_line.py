"""The `siloscope` command: one subcommand per service, each brought by its own distribution.

Only the chosen subcommand is imported: `--help` is fast, and an edge-only installation needs no server library.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from siloscope_process.errors import USAGE, Stop

GROUP = "siloscope.commands"
_INTERRUPTED = 130
_BROKEN_PIPE = 141  # as a shell reports SIGPIPE


@dataclass(frozen=True)
class Command:
    """What a member offers under its entry point.

    Attributes:
        summary: One line for `siloscope <name> --help`.
        configure: Adds the subcommand's arguments to its parser.
        run: Does the work and returns the exit code; may raise `Stop`.
    """

    summary: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace, Mapping[str, str]], int]


@dataclass(frozen=True)
class KnownCommand:
    """What the command list says without importing anything."""

    distribution: str
    summary: str


KNOWN: Mapping[str, KnownCommand] = {
    "up": KnownCommand("siloscope-deploy", "start the whole platform on this machine"),
    "edge": KnownCommand("siloscope-edge", "read instruments and publish what they say, losing nothing"),
    "ingest": KnownCommand("siloscope-ingest", "write what the broker brings to the database, then acknowledge"),
    "jobs": KnownCommand("siloscope-ingest", "roll up, retain and archive what is stored"),
    "api": KnownCommand("siloscope-dashboards", "serve the HTTP API and the web page"),
    "alerting": KnownCommand("siloscope-alerting", "evaluate rules and send what they say"),
    "alerts": KnownCommand("siloscope-alerting", "rules, alerts, silences and notifications from the command line"),
    "db": KnownCommand("siloscope-store", "migrate the database; apply sites, places and users"),
    "data": KnownCommand("siloscope-store", "import and export measurements"),
    "mirror": KnownCommand("siloscope-ingest", "write every sample to an InfluxDB as well"),
    "gateway": KnownCommand("siloscope-gateway", "give devices credentials and write the broker's permissions"),
    "sim": KnownCommand("siloscope-firmware-sim", "run simulated instruments on real ports"),
    "bench": KnownCommand("siloscope-benchmarks", "measure this machine"),
}


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run one subcommand and return its exit code.

    Args:
        argv: Arguments without the program's name; those of this process unless told.
        environ: Environment; that of this process unless told.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    environment = (
        dict(os.environ)  # noqa: TID251 - the one place where the process environment enters; services get it passed
        if environ is None
        else environ
    )
    try:
        code = _answered(arguments, environment)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever read us has enough, as `head` has. Python would complain once more when it flushes at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE


def _answered(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    installed = {entry.name: entry for entry in entry_points(group=GROUP)}
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_overview(installed), file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else USAGE
    name = arguments[0]
    try:
        return _run(_load(name, installed), name, arguments[1:], environment)
    except Stop as stop:
        print(f"siloscope {name}: {stop.message}", file=sys.stderr)  # noqa: T201 - the one line a person gets
        return stop.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED


def _load(name: str, installed: Mapping[str, EntryPoint]) -> Command:
    if name in installed:
        command: Command = installed[name].load()
        return command
    if name in KNOWN:
        raise Stop(f"not installed here; the distribution {KNOWN[name].distribution} brings it", USAGE)
    raise Stop(f"no such command; there are {', '.join(sorted({*KNOWN, *installed}))}", USAGE)


def _run(command: Command, name: str, arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    parser = argparse.ArgumentParser(prog=f"siloscope {name}", description=command.summary)
    command.configure(parser)
    return command.run(parser.parse_args(arguments), environ)


def _overview(installed: Mapping[str, EntryPoint]) -> str:
    lines = ["usage: siloscope <command> [arguments]; siloscope <command> --help", ""]
    for name, known in KNOWN.items():
        absent = "" if name in installed else f"  (not installed: {known.distribution})"
        lines.append(f"  {name:<8} {known.summary}{absent}")
    lines += [f"  {name:<8} brought by {entry.value}" for name, entry in installed.items() if name not in KNOWN]
    return "\n".join(lines)
