"""What the machine says of itself: heat, memory, supply. What a machine does not have, it does not say.

Source: the kernel's hwmon driver of the Raspberry Pi (`rpi_volt`, `in0_lcrit_alarm`); the firmware's `get_throttled`:
bit 0 under-voltage now, bit 16 under-voltage has occurred.
"""

from pathlib import Path

_CPU_ZONES = ("cpu-thermal", "cpu_thermal", "soc-thermal", "soc_thermal", "x86_pkg_temp", "cpu0-thermal")
_UNDER_VOLTAGE = 0x1 | 0x10000


class Machine:
    """The machine that the agent runs on.

    Args:
        root: Where its file system begins.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._memory = root / "proc/meminfo"
        self._zone = _zone(root / "sys/class/thermal")
        self._alarm = _supply_alarm(root / "sys/class/hwmon")
        throttled = root / "sys/devices/platform/soc/soc:firmware/get_throttled"
        self._throttled = throttled if self._alarm is None and throttled.exists() else None
        self._was_low = False

    @property
    def tells_temperature(self) -> bool:
        """Whether it knows how hot it is."""
        return self._zone is not None

    @property
    def tells_supply(self) -> bool:
        """Whether it notices that its supply is too low."""
        return self._alarm is not None or self._throttled is not None

    def cpu_temperature_c(self) -> float | None:
        """Return how hot the processor is."""
        millidegrees = _number(self._zone)
        return millidegrees / 1000 if millidegrees is not None else None

    def memory_available_bytes(self) -> int | None:
        """Return how much memory programs can still have."""
        try:
            lines = self._memory.read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError):
            return None
        found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
        return int(found[0]) * 1024 if found and found[0].isdigit() else None

    def note_supply(self) -> None:
        """Look at the supply: a drop is short, so it is to be looked at oftener than it is told."""
        self._was_low = self._was_low or bool(_number(self._alarm))

    def supply_was_low(self) -> bool | None:
        """Return whether the supply was too low since this was asked last; of firmware alone, since the boot."""
        if self._throttled is not None:
            flags = _number(self._throttled, 16)
            return bool(flags & _UNDER_VOLTAGE) if flags is not None else None
        if self._alarm is None:
            return None
        self.note_supply()
        was_low, self._was_low = self._was_low, False
        return was_low


def _zone(thermal: Path) -> Path | None:
    zones = {_text(zone / "type"): zone / "temp" for zone in sorted(thermal.glob("thermal_zone*"), reverse=True)}
    return next((zones[name] for name in _CPU_ZONES if name in zones), None)


def _supply_alarm(hwmon: Path) -> Path | None:
    for each in sorted(hwmon.glob("hwmon*")):
        if _text(each / "name") == "rpi_volt" and (each / "in0_lcrit_alarm").exists():
            return each / "in0_lcrit_alarm"
    return None


def _number(file: Path | None, base: int = 10) -> int | None:
    try:
        return int(_text(file), base) if file is not None else None
    except ValueError:
        return None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


THIS_MACHINE = Machine()
