"""Where registers usually stand: addresses that are worth a look, since 65 536 cannot be asked one by one."""

from collections.abc import Iterable
from functools import lru_cache

from msgspec.structs import replace

from siloscope_edge import profile_files
from siloscope_edge.drivers.modbus.profile import ModbusProfile
from siloscope_edge.drivers.modbus.registers import plan
from siloscope_edge.errors import Misconfigured

SCATTERED = (3571, 11213, 23459, 37889, 48611, 61007)
"""Addresses at which no maker begins anything: who answers these answers everywhere."""

_ROUND = (
    0, 1, 2, 8, 16, 20, 32, 50, 64, 100, 128, 200, 253, 256, 257, 300, 400, 500, 512, 600, 768, 1000, 1024, 1100, 1280,
    1500, 1536, 1792, 2000, 2048, 2304, 2560, 3000, 3072, 4000, 4096, 5000, 6000, 7000, 7936, 8000, 8192,
    9000, 10000, 12288, 16384, 20000, 20480, 24576, 28672, 30000, 30001, 32768, 36864, 40000, 40001, 40960, 45056,
    49152, 50000, 53248, 57344, 60000, 61440, 65535,
)  # fmt: skip
_FEW = (0, 1, 8, 16, 32, 64, 100, 128, 256, 500, 512, 1000, 1024, 2000, 2048, 4096, 8192, 10000, 32768)


def seeds(table: str, more: Iterable[int] = ()) -> list[int]:
    """Return the addresses to try in a table, in order; those of shipped profiles are among them."""
    usual = _FEW if table in ("coil", "discrete") else _ROUND
    planned = [request for each in shipped_profiles() for request in plan(each.channels, each.limits)]
    shipped = [request.address for request in planned if request.table == table]
    return sorted({at for at in (*usual, *shipped, *more) if 0 <= at <= 0xFFFF})


@lru_cache(maxsize=1)
def shipped_profiles() -> tuple[ModbusProfile, ...]:
    """Return the Modbus profiles that come with the agent, each choice of their options as one."""
    found: dict[str, ModbusProfile] = {}
    for name, file in sorted(profile_files.catalogue().items()):
        try:
            profile = profile_files.read(file)
            variants = [(option, choice) for option, each in profile.options.items() for choice in each.choices]
            if isinstance(profile, ModbusProfile):
                found[name] = profile
                for option, choice in variants:
                    if choice != profile.options[option].default:
                        varied = profile_files.read(file, {option: choice})
                        assert isinstance(varied, ModbusProfile)
                        found[f"{name} with {option}: {choice}"] = varied
        except Misconfigured:  # somebody else's mistake: a survey does without it
            continue
    return tuple(_named(name, each) for name, each in found.items())


def _named(name: str, profile: ModbusProfile) -> ModbusProfile:
    return replace(profile, profile=name)


def _requests(profile: ModbusProfile):  # type: ignore[no-untyped-def]
    return plan(profile.channels, profile.limits)
