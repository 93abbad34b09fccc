"""Telling systemd that the agent lives: `sd_notify` is a datagram, no library is needed.

Source: sd_notify(3), sd_watchdog_enabled(3).
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from siloscope_edge.keeper import Keeper
from siloscope_process.clock import Clock
from siloscope_process.operations import Health

_STATUS_EVERY_S = 30.0
_BEATS = 3
"""So many signs of life fit into the time after which systemd gives the agent up."""


class Supervisor:
    """Whoever started the agent, if it wants to hear from it.

    Args:
        address: The socket's path, or ``@`` and an abstract name; None: nobody listens.
        watchdog_s: Silence after which the agent is killed and started anew; None: never.
    """

    def __init__(self, address: str | None = None, watchdog_s: float | None = None) -> None:
        self._address = address
        self.interval_s = watchdog_s / _BEATS if watchdog_s is not None else _STATUS_EVERY_S

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Supervisor":
        """Return the one that the environment names; a watchdog that is meant for another process is none."""
        watched = environ.get("WATCHDOG_USEC", "")
        is_ours = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watchdog_s = int(watched) / 1e6 if watched.isdigit() and int(watched) and is_ours else None
        return cls(environ.get("NOTIFY_SOCKET") or None, watchdog_s)

    def tell(self, *words: str) -> None:
        """Send a message; nobody listening, or a full socket, is no reason to stop."""
        if self._address is None:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.setblocking(False)
            sender.sendto("\n".join(words).encode(), address)


async def report_life(supervisor: Supervisor, keeper: Keeper, health: Health, clock: Clock) -> None:
    """Report for as long as the event loop turns and the spool's thread answers; until cancelled.

    A missing link is no reason for a restart: nothing would be better after it.

    Raises:
        SpoolUnusable: The spool's file is damaged.
    """
    supervisor.tell("READY=1")
    while True:
        await keeper.used_bytes()
        supervisor.tell("WATCHDOG=1", f"STATUS={_in_words(health)}")
        await clock.sleep(supervisor.interval_s)


def _in_words(health: Health) -> str:
    checks = health.report()["checks"]
    assert isinstance(checks, dict), "a report has its checks by name"
    wrong = [f"{name}: {check['detail'] or 'not well'}" for name, check in checks.items() if not check["ok"]]
    return "; ".join(wrong).replace("\n", " ") or "all is well"
