"""What a Raspberry Pi says of its heat and supply, as the kernel lays it out; and another machine that has neither."""

from pathlib import Path

import pytest

from siloscope_edge.machine import Machine


def laid_out(root: Path, files: dict[str, str]) -> Machine:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return Machine(root)


ZONES = {
    "sys/class/thermal/thermal_zone0/type": "gpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "70000\n",
    "sys/class/thermal/thermal_zone1/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone1/temp": "48312\n",
}
HWMON = {
    "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
    "sys/class/hwmon/hwmon2/name": "rpi_volt\n",
    "sys/class/hwmon/hwmon2/in0_lcrit_alarm": "0\n",
}
THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"


def test_the_processors_own_zone_tells_the_temperature(tmp_path: Path) -> None:
    machine = laid_out(tmp_path, ZONES)
    assert machine.tells_temperature
    assert machine.cpu_temperature_c() == 48.312
    (tmp_path / "sys/class/thermal/thermal_zone1/temp").write_text("")  # a read that the driver refused
    assert machine.cpu_temperature_c() is None


def test_a_short_drop_of_the_supply_is_told_once(tmp_path: Path) -> None:
    machine = laid_out(tmp_path, HWMON)
    alarm = tmp_path / "sys/class/hwmon/hwmon2/in0_lcrit_alarm"
    assert machine.tells_supply
    assert machine.supply_was_low() is False
    alarm.write_text("1\n")
    machine.note_supply()
    alarm.write_text("0\n")
    machine.note_supply()
    assert [machine.supply_was_low(), machine.supply_was_low()] == [True, False]


@pytest.mark.parametrize(
    ("flags", "low"), [("0", False), ("50005", True), ("50000", True), ("1", True), ("e000e", False), ("", None)]
)
def test_firmware_alone_tells_of_the_supply_since_the_boot(tmp_path: Path, flags: str, low: bool | None) -> None:
    machine = laid_out(tmp_path, {THROTTLED: f"{flags}\n"})
    machine.note_supply()
    assert machine.supply_was_low() is low


def test_the_kernels_driver_is_believed_before_the_firmware(tmp_path: Path) -> None:
    assert laid_out(tmp_path, {**HWMON, THROTTLED: "50005\n"}).supply_was_low() is False


def test_what_a_machine_does_not_have_it_does_not_say(tmp_path: Path) -> None:
    machine = laid_out(tmp_path, {"sys/class/hwmon/hwmon0/name": "nvme\n"})
    assert (machine.tells_temperature, machine.tells_supply) == (False, False)
    machine.note_supply()
    assert (machine.cpu_temperature_c(), machine.supply_was_low(), machine.memory_available_bytes()) == (None,) * 3


@pytest.mark.parametrize(
    ("content", "available"),
    [("MemTotal: 949580 kB\nMemAvailable:     512 kB\n", 524_288), ("MemAvailable: much\n", None), ("", None)],
)
def test_memory_is_what_programs_can_still_have(tmp_path: Path, content: str, available: int | None) -> None:
    assert laid_out(tmp_path, {"proc/meminfo": content}).memory_available_bytes() == available
