"""The systemd unit of the agent says what the agent does."""

from siloscope_edge.supervision import Supervisor
from siloscope_process.errors import WRONG_SETTING
from tests.house.repository import ROOT

UNIT = ROOT / "deploy" / "systemd" / "siloscope-edge.service"


def service() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    section = ""
    for line in UNIT.read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


def test_it_waits_for_the_word_that_the_agent_sends() -> None:
    assert service()["Type"] == ["notify"]
    microseconds = int(service()["WatchdogSec"][0]) * 1_000_000
    assert Supervisor.of({"WATCHDOG_USEC": str(microseconds)}).interval_s == 60


def test_a_wrong_configuration_is_not_tried_again_and_again() -> None:
    assert service()["RestartPreventExitStatus"] == [str(WRONG_SETTING)]
    assert service()["Restart"] == ["always"]


def test_it_may_ask_the_kernel_for_the_clock_and_open_serial_ports() -> None:
    filters = service()["SystemCallFilter"]
    assert filters.index("~@privileged @resources") < filters.index("adjtimex clock_adjtime")
    assert "char-ttyUSB rw" in service()["DeviceAllow"]
    assert service()["SupplementaryGroups"] == ["dialout"]
