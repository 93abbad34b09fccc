"""Shutting the socket of a database connection from whose other end nothing may come any more."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import AsyncConnection


def shut(connection: AsyncConnection[Any]) -> None:
    """Shut the socket without a word to the server; whoever awaits an answer is told that the connection is gone."""
    with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as twin:
        twin.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def shut_after(connection: AsyncConnection[Any], seconds: float) -> Iterator[None]:
    """Shut the socket where the block takes longer: to cancel a statement would be to wait for the server once more."""
    timer = asyncio.get_running_loop().call_later(seconds, shut, connection)
    try:
        yield
    finally:
        timer.cancel()
