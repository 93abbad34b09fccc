"""Free ports stay free until their server listens."""

import socket
from pathlib import Path

import pytest

from siloscope_deploy.servers.ports import LOOPBACK, answers, free_port, is_free

GIVEN_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_a_free_port_can_be_listened_on() -> None:
    port = free_port()
    with socket.create_server((LOOPBACK, port)):
        assert not is_free(port)
        assert answers(port)
    assert is_free(port)
    assert not answers(port)


@pytest.mark.skipif(not GIVEN_OUT.exists(), reason="only Linux tells which ports it gives out")
def test_no_outgoing_connection_is_given_it_meanwhile() -> None:
    lowest = int(GIVEN_OUT.read_text().split()[0])
    assert all(free_port() < lowest for _ in range(50))
