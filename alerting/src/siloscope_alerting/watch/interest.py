"""Which channels rules look at: of the others only the newest reading is brought. Pure."""

from collections.abc import Iterable

import numpy as np

from siloscope_alerting.columns import BoundRule, Catalogue, Flags
from siloscope_alerting.engine.subjects import meant
from siloscope_alerting.engine.table import Table


def watched(catalogue: Catalogue, rules: Iterable[BoundRule]) -> Flags:
    """Return the rows that rules select, with all that is at the same places: neighbours, and humidity for a dew point.

    What is at no place shares its device.
    """
    table = Table(catalogue)
    found = np.zeros(len(catalogue.channels), np.bool_)
    for each in rules:
        found |= meant(each.rule.select, table, org_id=each.org_id, also_vitals=True)
    shared = np.array([_shared(each.place_id, each.device_id) for each in catalogue.channels], np.int64)
    return found | np.isin(shared, shared[found])


def _shared(place_id: int | None, device_id: int) -> int:
    return device_id * 2 if place_id is None else place_id * 2 + 1
