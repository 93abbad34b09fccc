"""Which registers a device has: from addresses that are worth a look outwards, doubling the step and halving it again.

A read of many registers succeeds only where the device has all of them (or does not mind), so how far an area reaches
is found by bisection: some ten requests for a hundred registers.
"""

from collections.abc import Awaitable, Callable, Sequence

from siloscope_edge.doctor.findings import Area, TableFindings
from siloscope_edge.doctor.seeds import SCATTERED
from siloscope_edge.doctor.session import Session

ILLEGAL_FUNCTION = 1
FUNCTIONS = {"holding": 3, "input": 4, "coil": 1, "discrete": 2}
MOST_REGISTERS = 125
MOST_BITS = 2000
_LAST = 0xFFFF
Reads = Callable[[int], Awaitable[bool]]
"""Whether so many registers can be read in one request."""

_SILENT_IN_A_ROW = 8
_REACH = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""How far behind an area the next one is looked for."""


class TableSearch:
    """Finds what can be read in one table of a device.

    Args:
        session: Asks.
        unit_id: The device.
        table: Which table.
        seeds: Addresses to try, in order.
        most: Registers or bits that are walked through at most.
    """

    def __init__(self, session: Session, unit_id: int, table: str, seeds: Sequence[int], most: int = 2000) -> None:
        self.found = TableFindings(table=table, function=FUNCTIONS[table])
        self._session = session
        self._unit_id = unit_id
        self._seeds = seeds
        self._most = most
        self._limit = MOST_BITS if table in ("coil", "discrete") else MOST_REGISTERS
        self._limit_is_met = False
        self._verdicts: dict[tuple[int, int], bool] = {}
        self._silent_in_a_row = 0
        self._function_is_known = False
        self._function_is_refused = False

    async def run(self) -> TableFindings:
        """Search until everything worth a look was looked at.

        Raises:
            Interrupted: The time is over; what was found is in ``found``.
            PortUnavailable: The port is gone.
        """
        for at, seed in enumerate(self._seeds):
            self._session.progress(f"unit {self._unit_id}: {self.found.table} registers", at, len(self._seeds))
            if self._function_is_refused or (self._silent_in_a_row >= _SILENT_IN_A_ROW and not self.found.areas):
                break
            if self._within(seed) or self._walked() >= self._most:
                continue
            if await self._has(seed):
                if not self.found.areas and await self._answers_everywhere():
                    break
                await self._explore(seed)
        if self.found.areas and not self.found.answers_everywhere:
            await self._settle_limit()
            self.found.gap = await self._gap()
        self.found.complete = True
        return self.found

    async def _explore(self, seed: int) -> None:
        """Find the area around a seed, and those close behind it."""
        pending: list[int] = [seed]
        while pending:
            at = pending.pop()
            if self._within(at) or self._walked() >= self._most:
                continue
            area = await self._area(at)
            self.found.areas = sorted([*self.found.areas, area], key=lambda each: each.first)
            for reach in _REACH:
                behind = area.last + reach
                if behind <= _LAST and not self._within(behind) and await self._has(behind):
                    pending.append(behind)
                    break

    async def _area(self, at: int) -> Area:
        width = self.found.width
        below = max((area.last for area in self.found.areas if area.last < at), default=-1)
        above = min((area.first for area in self.found.areas if area.first > at), default=_LAST + 1)
        first, end, before = at, at + width, 0
        while end < above and end - at < self._most and (more := await self._reach(above - end, self._upwards(end))):
            if before:  # the request before ended although registers go on: it was as large as the device bears
                self._limit, self._limit_is_met = before, True
            end, before = end + more, more if more < self._limit else 0
        while first > below + 1 and (more := await self._reach(first - below - 1, self._downwards(first))):
            first -= more
            if end - first >= self._most:
                break
        return Area(first, end - 1)

    def _upwards(self, first: int) -> Reads:
        return lambda size: self._reads(first, size)

    def _downwards(self, end: int) -> Reads:
        return lambda size: self._reads(end - size, size)

    async def _reach(self, most: int, reads: Reads) -> int:
        """Return the largest size up to ``most`` and the request limit that can be read; by doubling, then halving."""
        width = self.found.width
        most = min(most, self._limit)
        if self._limit_is_met and await reads(most):
            return most
        good, step = 0, width
        while step <= most and await reads(step):
            good, step = step, min(2 * step, most) if step < most else most + 1
        bad = min(step, most + 1)
        while bad - good > width:
            middle = good + max(width, (bad - good) // 2 // width * width)
            if await reads(middle):
                good = middle
            else:
                bad = middle
        return good

    async def _settle_limit(self) -> None:
        """Find how many registers one request may ask for."""
        largest = max(self.found.areas, key=lambda area: area.size)
        self._limit_is_met = False
        self._limit = MOST_BITS if self.found.table in ("coil", "discrete") else MOST_REGISTERS
        top = min(largest.size, self._limit)
        good = await self._reach(top, self._upwards(largest.first))
        self.found.most_per_request = good
        self.found.most_is_known = good < top

    async def _gap(self) -> int | None:
        """Return the largest gap that a request may run across, from the narrowest one outwards."""
        tolerated: int | None = None
        pairs = zip(self.found.areas, self.found.areas[1:], strict=False)
        width = self.found.width
        for gap, end in sorted((right.first - left.last - 1, left.last + 1) for left, right in pairs):
            size = gap + 2 * width
            if size > (self.found.most_per_request if self.found.most_is_known else self._limit):
                break
            if not await self._reads(end - width, size):
                return tolerated or 0
            tolerated = gap
            self.found.most_per_request = max(self.found.most_per_request, size)
        return tolerated

    async def _answers_everywhere(self) -> bool:
        for address in SCATTERED:
            if not await self._reads(address, self.found.width):
                return False
        self.found.answers_everywhere = True
        self.found.areas = [Area(0, _LAST)]
        await self._settle_limit()
        return True

    async def _has(self, address: int) -> bool:
        """Return whether there is a register; where single ones are refused, pairs are tried once and kept to."""
        if await self._reads(address, self.found.width):
            return True
        if self.found.areas or self.found.width == 2 or self.found.function in (1, 2) or self._function_is_refused:
            return False
        if address < _LAST and await self._reads(address, 2):
            self.found.width = 2
            return True
        return False

    async def _reads(self, address: int, count: int) -> bool:
        if (known := self._verdicts.get((address, count))) is not None:
            return known
        answer = await self._session.read(self._unit_id, self.found.function, address, count)
        size = (count + 7) // 8 if self.found.function in (1, 2) else 2 * count
        good = isinstance(answer, bytes) and len(answer) >= size
        self._verdicts[address, count] = good
        self._silent_in_a_row = self._silent_in_a_row + 1 if answer is None else 0
        self._function_is_refused = answer == ILLEGAL_FUNCTION and not self._function_is_known
        self._function_is_known |= good
        return good

    def _within(self, address: int) -> bool:
        return any(area.first <= address <= area.last for area in self.found.areas)

    def _walked(self) -> int:
        return sum(area.size for area in self.found.areas)
