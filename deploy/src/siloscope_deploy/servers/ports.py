"""Free ports on 127.0.0.1."""

import secrets
import socket

LOOPBACK = "127.0.0.1"

# Below the ports that systems hand to outgoing connections (Linux 32768 and up, others 49152 and up): one of those may
# be taken by any connection between the moment it is chosen and the moment its server listens.
_CHOSEN_FROM = range(20_000, 32_000)


def free_port() -> int:
    """Return a port that nobody listens on now, and that nobody is given by chance before its server starts."""
    while not is_free(port := secrets.choice(_CHOSEN_FROM)):
        pass
    return port


def is_free(port: int) -> bool:
    """Say whether a server could listen on the port; one in TIME_WAIT counts as free, as servers see it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def answers(port: int, timeout_s: float = 1.0) -> bool:
    """Say whether somebody accepts connections on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=timeout_s):
            return True
    except OSError:
        return False
