"""Stored samples again, by row of the catalogue: what the engine's windows and gaps, and backtests, read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from siloscope_alerting.columns import Catalogue, Float, Int64
from siloscope_alerting.watch import decoding
from siloscope_process import clock
from siloscope_store.alert_history import Span, StoredSample, samples_between
from siloscope_store.connections import Pool, borrowed

GROUPS_AT_ONCE = 500


class DatabaseHistory:
    """Reads samples of the channels of a catalogue.

    Args:
        pool: Connections.
        catalogue: What rows mean.
    """

    def __init__(self, pool: Pool, catalogue: Catalogue) -> None:
        self._pool = pool
        self._catalogue = catalogue

    async def between(self, rows: Sequence[int], from_ms: int, to_ms: int) -> Mapping[int, tuple[Int64, Float]]:
        """Return times and values (NaN = failed) of [from, to) per catalogue row, oldest first."""
        return await self.each_between(dict.fromkeys(rows, (from_ms, to_ms)))

    async def each_between(self, wanted: Mapping[int, tuple[int, int]]) -> Mapping[int, tuple[Int64, Float]]:
        """Return the same for rows that each want a span of their own; rows of one group get what any of them wants."""
        channels = self._catalogue.channels
        spans: dict[int, tuple[int, int]] = {}
        rows_of: dict[int, list[int]] = {}
        for row, (begin_ms, end_ms) in wanted.items():
            group_id = channels[row].group_id
            before = spans.get(group_id, (begin_ms, end_ms))
            spans[group_id] = (min(before[0], begin_ms), max(before[1], end_ms))
            rows_of.setdefault(group_id, []).append(row)
        found: dict[int, tuple[Int64, Float]] = {}
        groups = sorted(spans)
        for at in range(0, len(groups), GROUPS_AT_ONCE):
            asked = [_span(each, *spans[each]) for each in groups[at : at + GROUPS_AT_ONCE]]
            async with borrowed(self._pool) as connection:
                samples = await samples_between(connection, asked)
            for group_id, of_group in groupby(samples, key=lambda each: each.group_id):
                table = table_of(list(of_group))
                found |= {row: table.column(channels[row].position)[:2] for row in rows_of[group_id]}
        return found


@dataclass(frozen=True)
class Table:
    """Samples of one group: a row a sample, a column a position."""

    times_ms: Int64
    values: Float
    quality: NDArray[np.int16]

    def column(self, position: int) -> tuple[Int64, Float, NDArray[np.int16]]:
        """Return times, values and qualities of one channel, without the samples that do not speak of it."""
        if position >= self.values.shape[1]:
            return np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int16)
        values, quality = self.values[:, position], self.quality[:, position]
        there = ~np.isnan(values) | (quality > 0)
        return self.times_ms[there], values[there], quality[there]


def table_of(samples: Sequence[StoredSample]) -> Table:
    """Return samples of one group as columns."""
    times_ms = np.fromiter((each.time_ms for each in samples), np.int64, len(samples))
    arrays = [each.values for each in samples]
    widest = int(decoding.lengths(arrays).max(initial=0))
    counts = np.full(len(arrays), widest, np.int64)
    shape = (len(arrays), widest)
    quality = decoding.qualities([each.quality for each in samples], counts)
    return Table(times_ms, decoding.padded_values(arrays, counts).reshape(shape), quality.reshape(shape))


def _span(group_id: int, begin_ms: int, end_ms: int) -> Span:
    return Span(group_id, clock.from_ms(begin_ms), clock.from_ms(end_ms))
