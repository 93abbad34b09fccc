"""What a person needs to know once the platform is ready: the address, the login, where things are."""

from pathlib import Path

from siloscope_deploy.local.home import Home
from siloscope_deploy.local.platform import Platform

_LOGIN = "administrator"


def login_file(home: Home) -> Path:
    """Where the API keeps the first administrator's generated login."""
    return home.secrets / _LOGIN


def welcome(home: Home, platform: Platform, ready_after_s: float, *, first_start: bool) -> str:
    """Return the text; the password is shown at the first start alone."""
    lines = [
        "",
        f"Siloscope is ready after {ready_after_s:.1f} s",
        "",
        f"  page      {platform.url}",
        *_login(home, first_start=first_start),
        f"  broker    {platform.mqtt_url}  (credentials: {home.shown(home.secrets)}/)",
        f"  commands  . {home.shown(home.environment)} && .venv/bin/siloscope db status",
        f"  data      {home.shown(home.root)}/, logs in {home.shown(home.log)}/",
    ]
    if platform.data_elsewhere is not None:
        lines.append(f"  database  {platform.data_elsewhere}, since PostgreSQL's account cannot enter the folder above")
    return "\n".join([*lines, "", "Ctrl-C ends all of it; the next start goes on from here.", ""])


def _login(home: Home, *, first_start: bool) -> list[str]:
    file = login_file(home)
    if not file.exists():
        return ["  login     as you set it"]
    if not first_start:
        return [f"  login     in {home.shown(file)}, unless you changed it"]
    kept = dict(line.partition(": ")[::2] for line in file.read_text().splitlines())
    return [
        f"  user      {kept.get('username', '?')}",
        f"  password  {kept.get('password', '?')}  (kept in {home.shown(file)})",
    ]
