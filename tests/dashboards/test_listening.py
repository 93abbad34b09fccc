"""The listening socket's one-line refusals."""

import socket
from contextlib import closing

import pytest

from siloscope_dashboards.listening import listen
from siloscope_process.errors import Stop


def test_a_taken_port_is_one_line_and_says_which_setting() -> None:
    with closing(listen("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(Stop) as refusal:
            listen("127.0.0.1", port)
    assert refusal.value.message == (
        f"port {port} on 127.0.0.1 is taken by another program; set SILOSCOPE_HTTP_PORT to a free one"
    )
    assert refusal.value.exit_code == 69


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_of_another_machine_is_one_line(host: str) -> None:
    with pytest.raises(Stop, match="SILOSCOPE_HTTP_HOST") as refusal:
        listen(host, 0)
    assert refusal.value.exit_code == 78
    assert "\n" not in refusal.value.message


def test_it_listens() -> None:
    with closing(listen("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        assert client.getpeername() == listener.getsockname()
