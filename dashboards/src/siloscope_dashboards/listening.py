"""The listening socket, opened before anything else so that a taken port is said in one line."""

import errno
import socket
import sys

from siloscope_process.errors import Unavailable, WrongSetting

_UNREAD_AT_MOST_MS = 60_000


def listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; `port` 0 takes any free one.

    Raises:
        Unavailable: Another program has the port.
        WrongSetting: The address is not one of this machine's, or the port is reserved.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise WrongSetting(f"SILOSCOPE_HTTP_HOST is {host!r}; expected an address of this machine ({error})") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if sys.platform == "linux":
            # A client that reads nothing must not keep a dropped live stream's connection for ever.
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_AT_MOST_MS)
        listener.bind(address)
        listener.listen(socket.SOMAXCONN)
    except OSError as error:
        listener.close()
        raise _explained(error, host, port) from error
    listener.setblocking(False)
    return listener


def _explained(error: OSError, host: str, port: int) -> Exception:
    if error.errno == errno.EADDRINUSE:
        return Unavailable(f"port {port} on {host} is taken by another program; set SILOSCOPE_HTTP_PORT to a free one")
    if error.errno == errno.EACCES:
        return WrongSetting(f"port {port} is reserved for root; set SILOSCOPE_HTTP_PORT to one above 1023")
    return WrongSetting(f"cannot listen on {host}:{port} (SILOSCOPE_HTTP_HOST, SILOSCOPE_HTTP_PORT): {error.strerror}")
