"""`siloscope up`: starts the whole platform on this machine and keeps it running until it is told to end."""

import argparse
import asyncio
from collections.abc import Mapping

from siloscope_deploy.errors import AlreadyRunning, DeployError, EndedWhileStarting
from siloscope_deploy.local.home import Home
from siloscope_deploy.local.platform import Platform
from siloscope_deploy.local.roster import Roster
from siloscope_deploy.local.screen import Screen
from siloscope_deploy.local.settings import UpSettings
from siloscope_deploy.local.supervisor import Supervisor
from siloscope_deploy.local.welcome import login_file, welcome
from siloscope_process.clock import SystemClock
from siloscope_process.command_line import Command
from siloscope_process.errors import Unavailable, WrongSetting
from siloscope_process.settings import load
from siloscope_process.signals import run_until_stopped

_LEFTOVERS_HAVE_S = 10
_MIRROR = "SILOSCOPE_MIRROR_"
_ALERTING = tuple(
    f"SILOSCOPE_{name}"
    for name in (
        *("PUBLIC_URL", "SMTP_URL", "SMTP_PASSWORD_FILE", "MAIL_FROM", "TELEGRAM_URL", "HEARTBEAT_URL"),
        *("EVALUATE_EVERY_S", "SILENT_AFTER_S"),
    )
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Everything is a setting: there are no arguments."""


def run(_: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Run the platform until SIGTERM or Ctrl-C."""
    settings = load(UpSettings, environ)
    home = Home(settings.home)
    try:
        home.create()
    except OSError as error:
        raise WrongSetting(f"SILOSCOPE_HOME {home.root}: {error.strerror} ({error.filename})") from error
    try:
        with home.locked():
            return run_until_stopped(lambda stop: _up(home, settings, environ, stop))
    except AlreadyRunning as running:
        raise Unavailable(f"{running}; end that one first, or give SILOSCOPE_HOME another folder") from running
    except DeployError as error:
        message = f"{error}\n  all is ended again; logs are in {home.shown(home.log)}/"
        hopeless = isinstance(error, EndedWhileStarting) and error.hopeless
        raise (WrongSetting if hopeless else Unavailable)(message) from error


def mirror_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the mirror is told, as it was told to us; nothing where nobody named its endpoint.

    >>> mirror_settings({"SILOSCOPE_MIRROR_URL": "http://influx:8086", "HOME": "/root"})
    {'SILOSCOPE_MIRROR_URL': 'http://influx:8086'}
    """
    told = {name: value for name, value in environ.items() if name.startswith(_MIRROR)}
    return told if told.get(f"{_MIRROR}URL") else {}


def alerting_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what alerting is told, as it was told to us.

    >>> alerting_settings({"SILOSCOPE_SMTP_URL": "smtp://mail:25", "HOME": "/root"})
    {'SILOSCOPE_SMTP_URL': 'smtp://mail:25'}
    """
    return {name: environ[name] for name in _ALERTING if environ.get(name)}


async def _up(home: Home, settings: UpSettings, environ: Mapping[str, str], stop: asyncio.Event) -> int:
    clock = SystemClock()
    screen = Screen(clock)
    roster = Roster(home.run / "children.json")
    await roster.sweep(clock, _LEFTOVERS_HAVE_S, screen.tell)
    supervisor = Supervisor(home.log, roster, clock, screen.tell)
    platform = Platform(home, settings, supervisor, screen, clock, mirror_settings(environ), alerting_settings(environ))
    try:
        if await _started(home, platform, screen, stop):
            await _attended(platform, supervisor, screen, stop)
        screen.tell("ending, newest first; Ctrl-C again ends at once")
        await supervisor.stop()
        screen.tell("ended")
        return 0
    finally:
        supervisor.kill()
        await supervisor.stop()


async def _started(home: Home, platform: Platform, screen: Screen, stop: asyncio.Event) -> bool:
    """Start everything; return False where we were told to end meanwhile."""
    first_start = not login_file(home).exists()
    starting = asyncio.create_task(platform.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return False
    starting.result()
    screen.show(welcome(home, platform, screen.elapsed_s, first_start=first_start))
    return True


async def _attended(platform: Platform, supervisor: Supervisor, screen: Screen, stop: asyncio.Event) -> None:
    """Look after the running platform until we are told to end; it goes on without a chore that failed."""
    chores = [
        asyncio.create_task(supervisor.trim_logs(), name="trimming logs"),
        asyncio.create_task(platform.follow_credentials(), name="following credentials"),
    ]
    for chore in chores:
        chore.add_done_callback(lambda done: _tell_of_failure(done, screen))
    await stop.wait()
    for chore in chores:
        chore.cancel()
    await asyncio.gather(*chores, return_exceptions=True)


def _tell_of_failure(chore: asyncio.Task[None], screen: Screen) -> None:
    if not chore.cancelled() and (error := chore.exception()) is not None:
        screen.tell(f"{chore.get_name()} failed and is left undone from now on: {error!r}")


command = Command("start the whole platform on this machine", configure, run)
