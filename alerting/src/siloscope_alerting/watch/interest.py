"""Which channels rules look at: of the others only the newest reading is brought. Pure."""

from collections.abc import Iterable

import numpy as np

from siloscope_alerting.columns import BoundRule, Catalogue, Flags
from siloscope_alerting.engine.subjects import meant
from siloscope_alerting.engine.table import NOWHERE, table_of


def watched(catalogue: Catalogue, rules: Iterable[BoundRule]) -> Flags:
    """Return the rows that rules select, with all that is at the same places: neighbours, and humidity for a dew point.

    What is at no place shares its device.
    """
    table = table_of(catalogue)
    found: Flags = np.zeros(len(catalogue.channels), np.bool_)
    for each in rules:
        found |= meant(each.rule.select, table, org_id=each.org_id, also_vitals=True)
    device, place = table.device_id.astype(np.int64), table.place_id.astype(np.int64)
    shared = np.where(place == NOWHERE, device * 2, place * 2 + 1)
    return found | np.isin(shared, shared[found])
