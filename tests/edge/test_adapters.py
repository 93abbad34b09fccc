"""An adapter that comes back under another name is found; another one under its name is not taken for it."""

from dataclasses import dataclass

import pytest

from siloscope_edge.adapters import PortFinder
from siloscope_edge.errors import PortUnavailable


@dataclass
class Listed:
    """A port as pyserial lists it."""

    device: str
    vid: int | None = 0x0403
    pid: int | None = 0x6001
    serial_number: str | None = None
    location: str | None = None


class Machine:
    """A computer whose adapters a test plugs in and out."""

    def __init__(self, *ports: Listed) -> None:
        self.ports = list(ports)

    def finder(self, port: str) -> PortFinder:
        return PortFinder(port, lambda: self.ports)


def test_an_adapter_is_found_under_its_new_name_by_its_serial_number() -> None:
    machine = Machine(Listed("/dev/ttyUSB0", serial_number="A5", location="1-1"))
    finder = machine.finder("/dev/ttyUSB0")
    assert finder.path() == "/dev/ttyUSB0"
    machine.ports = [Listed("/dev/ttyUSB1", serial_number="A5", location="1-3")]
    assert finder.path() == "/dev/ttyUSB1"
    machine.ports = [Listed("/dev/ttyUSB0", serial_number="A5", location="1-1")]
    assert finder.path() == "/dev/ttyUSB0"


def test_one_without_a_serial_number_is_found_by_its_socket() -> None:
    machine = Machine(Listed("/dev/ttyUSB0", location="1-1"), Listed("/dev/ttyUSB1", location="1-2"))
    first, second = machine.finder("/dev/ttyUSB0"), machine.finder("/dev/ttyUSB1")
    assert (first.path(), second.path()) == ("/dev/ttyUSB0", "/dev/ttyUSB1")
    machine.ports = [Listed("/dev/ttyUSB0", location="1-2"), Listed("/dev/ttyUSB1", location="1-1")]
    assert (first.path(), second.path()) == ("/dev/ttyUSB1", "/dev/ttyUSB0")


def test_another_adapter_under_the_old_name_is_refused() -> None:
    machine = Machine(Listed("/dev/ttyUSB0", serial_number="A5"))
    finder = machine.finder("/dev/ttyUSB0")
    finder.path()
    machine.ports = [Listed("/dev/ttyUSB0", serial_number="B7")]
    with pytest.raises(PortUnavailable, match="another USB adapter"):
        finder.path()


def test_while_it_is_unplugged_its_name_is_tried() -> None:
    machine = Machine(Listed("/dev/ttyUSB0", serial_number="A5"))
    finder = machine.finder("/dev/ttyUSB0")
    finder.path()
    machine.ports = []
    assert finder.path() == "/dev/ttyUSB0"


def test_a_port_that_is_no_usb_adapter_keeps_its_name() -> None:
    machine = Machine(Listed("/dev/ttyS0", vid=None, pid=None))
    assert machine.finder("/dev/ttyS0").path() == "/dev/ttyS0"
    assert machine.finder("/dev/pts/7").path() == "/dev/pts/7"


@pytest.mark.parametrize("name", ["usb:0403:6001:A5", "usb:1a86:7523", "usb:1A86:7523"])
def test_a_port_can_be_named_by_its_adapter(name: str) -> None:
    machine = Machine(
        Listed("/dev/ttyUSB0", serial_number="B7"),
        Listed("/dev/ttyUSB1", serial_number="A5"),
        Listed("/dev/ttyUSB2", vid=0x1A86, pid=0x7523),
    )
    assert machine.finder(name).path() == ("/dev/ttyUSB1" if "A5" in name else "/dev/ttyUSB2")


@pytest.mark.parametrize(("name", "said"), [("usb:0403:6001", "2 such adapters"), ("usb:0403:9999", "no such adapter")])
def test_a_name_that_means_none_or_several_is_refused(name: str, said: str) -> None:
    machine = Machine(Listed("/dev/ttyUSB0", serial_number="B7"), Listed("/dev/ttyUSB1", serial_number="A5"))
    with pytest.raises(PortUnavailable, match=said):
        machine.finder(name).path()
