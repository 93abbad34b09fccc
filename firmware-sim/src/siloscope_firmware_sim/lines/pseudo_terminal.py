"""A serial port that a foreign program can open: a pseudo-terminal under a fixed name.

Both ends stay open here, so a reader may close the port and come back. The kernel keeps the speed that the reader set,
so a reader at the wrong speed can be told from one at the right speed; parity and stop bits it does not keep.
"""

import asyncio
import errno
import os
import termios
import tty
from collections.abc import Callable
from pathlib import Path

import structlog

_SPEEDS = {getattr(termios, name): int(name[1:]) for name in dir(termios) if name[0] == "B" and name[1:].isdigit()}
_CHUNK = 1024
_OUTPUT_SPEED = 5
_log = structlog.get_logger(__name__)


class PseudoTerminal:
    """One pseudo-terminal, in raw mode.

    Args:
        link: Symbolic link to the terminal's device; made on `open`, removed on `close`.
        baud: Speed to begin with.
    """

    def __init__(self, link: Path, *, baud: int) -> None:
        self.link = link
        self._baud = baud
        self._ours = -1
        self._theirs = -1

    def open(self, on_bytes: Callable[[bytes], None]) -> None:
        """Make the terminal and its link; what a reader writes goes to ``on_bytes`` in the running event loop."""
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self._set_speed()
        os.set_blocking(self._ours, False)
        self._relink(os.ttyname(self._theirs))
        asyncio.get_running_loop().add_reader(self._ours, self._arrived, on_bytes)

    def close(self) -> None:
        """Take the terminal away; a reader sees a port that was unplugged."""
        if self._ours < 0:
            return
        asyncio.get_running_loop().remove_reader(self._ours)
        self.link.unlink(missing_ok=True)
        os.close(self._ours)
        os.close(self._theirs)
        self._ours = self._theirs = -1

    @property
    def address(self) -> dict[str, object]:
        """Where a reader finds it."""
        return {"port": str(self.link)}

    @property
    def baud(self) -> int:
        """The speed that the reader has set."""
        return _SPEEDS.get(termios.tcgetattr(self._ours)[_OUTPUT_SPEED], 0)

    def write(self, data: bytes) -> None:
        """Send to the reader; where nobody reads for long the bytes are lost, as on a wire."""
        if self._ours < 0:
            return
        try:
            os.write(self._ours, data)
        except BlockingIOError:
            termios.tcflush(self._theirs, termios.TCIFLUSH)

    def _arrived(self, on_bytes: Callable[[bytes], None]) -> None:
        try:
            data = os.read(self._ours, _CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            _log.warning("pseudo_terminal_hung_up", port=str(self.link))
            return
        on_bytes(data)

    def _set_speed(self) -> None:
        attributes = termios.tcgetattr(self._theirs)
        attributes[4] = attributes[5] = getattr(termios, f"B{self._baud}", termios.B9600)
        termios.tcsetattr(self._theirs, termios.TCSANOW, attributes)

    def _relink(self, device: str) -> None:
        self.link.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.link.with_name(f".{self.link.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(device)
        fresh.replace(self.link)
