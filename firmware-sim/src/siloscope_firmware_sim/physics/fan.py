"""When the aeration fan runs, and what it draws.

The rule of thumb for stored grain: blow when outside air is clearly colder than the grain and dry enough, never below
-7 °C, and stop when the grain is cool (SDSU and NDSU extension; the lower bound is OPI's).
"""

from dataclasses import dataclass

_START_COLDER_K = 6.0
_STOP_COLDER_K = 3.0
_DAMPEST_PCT = 85.0
_COLDEST_C = -7.0
_COOL_ENOUGH_C = 3.0


@dataclass(frozen=True)
class FanRule:
    """Decides hour by hour; with the fan switched off by hand it never runs."""

    enabled: bool = True

    def runs(self, *, running: bool, grain_c: float, outside_c: float, humidity_pct: float) -> bool:
        """Say whether the fan runs in the coming hour.

        Args:
            running: Whether it ran in the hour before (hysteresis).
            grain_c: Mean temperature of the grain.
            outside_c: Temperature of the air it would blow in.
            humidity_pct: Relative humidity of that air.
        """
        if not self.enabled or humidity_pct > _DAMPEST_PCT or outside_c < _COLDEST_C or grain_c < _COOL_ENOUGH_C:
            return False
        return grain_c - outside_c > (_STOP_COLDER_K if running else _START_COLDER_K)
