import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from siloscope_deploy.local.addresses import Addresses
from siloscope_deploy.servers.ports import free_port
from siloscope_process.errors import Unavailable


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_a_demanded_port_that_is_taken_is_named_with_the_variable_that_changes_it(
    tmp_path: Path, taken_port: int
) -> None:
    with pytest.raises(
        Unavailable, match=rf"port {taken_port} on 127\.0\.0\.1 is taken by .*{os.getpid()}.*SILOSCOPE_HTTP_PORT="
    ):
        Addresses(tmp_path / "ports.json").demanded("http", taken_port, "SILOSCOPE_HTTP_PORT")


def test_a_usual_port_that_is_taken_gives_way_to_a_free_one(tmp_path: Path, taken_port: int) -> None:
    assert Addresses(tmp_path / "ports.json").port("mqtt", usual=taken_port) != taken_port


def test_ports_stay_over_a_restart(tmp_path: Path) -> None:
    first = Addresses(tmp_path / "ports.json").port("postgres")
    assert Addresses(tmp_path / "ports.json").port("postgres") == first


def test_two_services_never_get_one_port(tmp_path: Path) -> None:
    addresses = Addresses(tmp_path / "ports.json")
    usual = free_port()
    assert addresses.port("edge-a", usual=usual) != addresses.port("edge-b", usual=usual)
