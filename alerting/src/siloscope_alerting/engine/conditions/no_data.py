"""Nothing came for longer than is expected."""

import numpy as np

from siloscope_alerting.columns import Float
from siloscope_alerting.engine.conditions.look import Judged, Look
from siloscope_alerting.engine.view import NEVER
from siloscope_contract.alerts.conditions import NoData
from siloscope_contract.alerts.spans import seconds


def judge(condition: NoData, look: Look) -> Judged:
    """Judge on server time less ingest lag; the figure is for how many seconds nothing came.

    Unknown while broker or ingest are away, for what is still missing soon after, and for what belongs to a node or
    site that is silent as a whole: that has an alert of its own. A channel without an expected interval, or that was
    never heard of, is never absent.
    """
    if condition.of == "channel":
        return _channels(condition, look)
    silent = look.judgement.silent_nodes if condition.of == "node" else look.judgement.silent_sites
    ids = look.table.node_id if condition.of == "node" else look.table.site_id
    since_ms = _looked_up(dict(silent), ids[look.rows])
    figure = (look.judgement.absent_to_ms - since_ms) / 1000
    known = np.full(len(look.rows), not look.judgement.platform_down)
    if condition.of == "node":
        known &= np.isnan(_looked_up(dict(look.judgement.silent_sites), look.table.site_id[look.rows]))
    return Judged.of(~np.isnan(since_ms), np.isnan(since_ms), figure, known)


def limits_ms(condition: NoData, look: Look) -> Float:
    """Return for each row after how long it is absent; infinite where it never is."""
    interval_ms = look.table.interval_ms[look.rows]
    limit_ms = np.maximum(condition.intervals * interval_ms, seconds(condition.at_least) * 1000)
    limit_ms = np.maximum(limit_ms, look.table.delivery_ms[look.rows])
    return np.where(interval_ms > 0, limit_ms, np.inf)


def _channels(condition: NoData, look: Look) -> Judged:
    heard_ms = look.view.heard_ms[look.rows]
    age_ms = np.where(heard_ms == NEVER, np.nan, (look.judgement.absent_to_ms - heard_ms).astype(np.float64))
    limit_ms = limits_ms(condition, look)
    absent = age_ms > limit_ms
    in_doubt = absent & (look.judgement.absent_to_ms - look.judgement.up_since_ms <= limit_ms)
    of_silent = ~np.isnan(_looked_up(dict(look.judgement.silent_nodes), look.table.node_id[look.rows]))
    known = ~np.isnan(age_ms) & ~of_silent & ~in_doubt & (not look.judgement.platform_down)
    return Judged.of(absent, ~absent, age_ms / 1000, known)


def _looked_up(values: dict[int, int], keys: "np.ndarray[tuple[int], np.dtype[np.int32]]") -> Float:
    if not values:
        return np.full(len(keys), np.nan)
    found = np.full(len(keys), np.nan)
    for key, value in values.items():
        found[keys == key] = value
    return found
