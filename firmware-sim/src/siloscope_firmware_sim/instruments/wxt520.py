"""Vaisala WXT520: wind, pressure, temperature, humidity and rain in ASCII lines, polled (aM=P).

A query in upper case (`0R1`) is answered plainly; one in lower case carries a CRC of three characters and so does its
answer. An invalid value has `#` in place of its unit. An unknown command, a wrong address and a wrong CRC are answered
with text messages, which `0SU,S=N` turns off.

Source: Vaisala WXT520 User's Guide M210906EN-C, chapters 7 (data messages) and 10 (text messages).
"""

from collections.abc import Callable
from dataclasses import dataclass

from siloscope_firmware_sim.modbus.checksum import three_characters

_END = b"\r\n"
_SECTIONS = ("1", "2", "3", "5")
_UNKNOWN = "TX,Unknown cmd error"


@dataclass(frozen=True)
class Sky:
    """What the transmitter feels; None is a value that it cannot tell.

    Attributes:
        direction_deg: Least, mean and greatest direction of the last averaging time, degrees from north.
        speed_m_s: Least, mean and greatest wind speed of that time.
        temperature_c: Air temperature.
        humidity_pct: Relative humidity.
        pressure_hpa: Air pressure.
        rain_mm: Rain since the counter was reset, as the world counts it.
        rain_s: Seconds with rain since then.
        rain_rate_mm_h: Rain intensity now.
    """

    direction_deg: tuple[float, float, float] | None
    speed_m_s: tuple[float, float, float] | None
    temperature_c: float | None
    humidity_pct: float | None
    pressure_hpa: float | None
    rain_mm: float
    rain_s: float
    rain_rate_mm_h: float | None


class Wxt520:
    """One weather transmitter.

    Args:
        address: One character, 0-9, A-Z or a-z.
        sky: Returns what it feels.
        baud: Speed that the communication settings show.
    """

    def __init__(self, address: str, sky: Callable[[], Sky], *, baud: int = 19200) -> None:
        self._address = address
        self._sky = sky
        self._baud = baud
        self._text_messages = True
        self._rain_zero = (0.0, 0.0)

    def answer(self, line: bytes) -> bytes | None:
        """Return the answer to a command without its CR LF, or None for silence."""
        command = line.decode("ascii", errors="replace")
        if command == "?":
            return self._address.encode() + _END
        if not command:
            return None
        if command[0] != self._address:
            return self._complaint("TX,Sync/address error")
        return self._obey(command[1:])

    def _obey(self, command: str) -> bytes | None:
        if command == "":
            return self._address.encode() + _END
        if command[0] == "R":
            return self._plain(command[1:])
        if command[0] == "r":
            return self._checked(command[1:])
        reply = self._settings(command)
        return self._complaint(_UNKNOWN) if reply is None else f"{self._address}{reply}".encode() + _END

    def _plain(self, section: str) -> bytes | None:
        sections = _SECTIONS if section == "" else (section,)
        if not all(each in ("0", *_SECTIONS) for each in sections):
            return self._complaint(_UNKNOWN)
        return b"".join(self._message("R", each) + _END for each in sections)

    def _checked(self, rest: str) -> bytes | None:
        section = rest[:-3] if len(rest) >= 3 else rest[:1]
        given = rest[len(section) :]
        if section not in ("", "0", *_SECTIONS):
            return self._complaint(_UNKNOWN)
        right = three_characters(f"{self._address}r{section}".encode()).decode()
        if given != right:
            return self._complaint(f"tX,Use chksum {right}", checked=True)
        messages = [self._message("r", each) for each in (_SECTIONS if section == "" else (section,))]
        return b"".join(message + three_characters(message) + _END for message in messages)

    def _settings(self, command: str) -> str | None:
        if command == "XU":
            return f"XU,A={self._address},M=P,T=0,C=2,I=0,B={self._baud},D=8,P=N,S=1,L=25,N=WXT520,V=2.14"
        if command in ("SU,S=N", "SU,S=Y"):
            self._text_messages = command.endswith("Y")
            return command
        if command == "SU":
            return f"SU,R=1111000011000000,I=15,S={'Y' if self._text_messages else 'N'},H=N"
        if command == "XZRU":
            sky = self._sky()
            self._rain_zero = (sky.rain_mm, sky.rain_s)
            return "TX,Rain reset"
        return {"XZ": "TX,Start-up", "XZRI": "TX,Inty reset", "XZM": "TX,Measurement reset"}.get(command)

    def _complaint(self, text: str, *, checked: bool = False) -> bytes | None:
        if not self._text_messages:
            return None
        line = f"{self._address}{text}".encode()
        return line + (three_characters(line) if checked else b"") + _END

    def _message(self, letter: str, section: str) -> bytes:
        fields = self._fields(self._sky())
        chosen = [*fields["1"], *fields["2"], *fields["3"], *fields["5"][:2]] if section == "0" else fields[section]
        return ",".join([f"{self._address}{letter}{section}", *chosen]).encode()

    def _fields(self, sky: Sky) -> dict[str, list[str]]:
        directions = sky.direction_deg or (None, None, None)
        speeds = sky.speed_m_s or (None, None, None)
        rain_mm, rain_s = self._rain_since_reset(sky)
        return {
            "1": [
                *(_direction(key, value) for key, value in zip(("Dn", "Dm", "Dx"), directions, strict=True)),
                *(_tenths(key, value, "M") for key, value in zip(("Sn", "Sm", "Sx"), speeds, strict=True)),
            ],
            "2": [
                _tenths("Ta", sky.temperature_c, "C"),
                _tenths("Ua", sky.humidity_pct, "P"),
                _tenths("Pa", sky.pressure_hpa, "H"),
            ],
            "3": [
                f"Rc={rain_mm:.2f}M",
                f"Rd={10 * int(rain_s / 10)}s",
                _tenths("Ri", sky.rain_rate_mm_h, "M"),
                "Hc=0.0M",
                "Hd=0s",
                "Hi=0.0M",
            ],
            "5": [_tenths("Th", sky.temperature_c, "C"), "Vh=0.0N", "Vs=12.1V", "Vr=3.510V", "Id=SILO____"],
        }

    def _rain_since_reset(self, sky: Sky) -> tuple[float, float]:
        if sky.rain_mm < self._rain_zero[0]:  # the world's own counter began anew
            self._rain_zero = (0.0, 0.0)
        return sky.rain_mm - self._rain_zero[0], max(sky.rain_s - self._rain_zero[1], 0.0)


def _tenths(key: str, value: float | None, unit: str) -> str:
    return f"{key}=0.0#" if value is None else f"{key}={round(value, 1) + 0.0:.1f}{unit}"  # never -0.0


def _direction(key: str, value: float | None) -> str:
    return f"{key}=000#" if value is None else f"{key}={round(value) % 360:03d}D"
