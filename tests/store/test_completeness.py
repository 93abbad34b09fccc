"""The ledger's answer equals the bookkeeping of whoever knows what really happened."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from psycopg import AsyncConnection, Connection

from siloscope_store import holes
from tests.store.farm import Farm, Group

EPOCH = "0f" * 16
CAUSES = ("agent_off", "bus_error", "evicted", "thinned", "on_its_way", "no_word", "unexplained")
LAST = datetime(2026, 3, 9, 17, 0, tzinfo=UTC)  # the day after clocks went forward in Chicago


@dataclass
class History:
    """What one node did, slot by slot; and who knows that needs no database."""

    zone: str
    interval_s: int
    begins: datetime
    outcomes: list[str] = field(default_factory=list)

    def time(self, slot: int) -> datetime:
        return self.begins + timedelta(seconds=slot * self.interval_s)

    def runs(self, outcome: str) -> list[tuple[int, int]]:
        """Return the first and the last slot of each run of one outcome."""
        found: list[tuple[int, int]] = []
        for slot, each in enumerate(self.outcomes):
            if each == outcome and found and found[-1][1] == slot - 1:
                found[-1] = (found[-1][0], slot)
            elif each == outcome:
                found.append((slot, slot))
        return found

    def books(self) -> dict[tuple[date, str], int]:
        zone = ZoneInfo(self.zone)
        return Counter((self.time(slot).astimezone(zone).date(), each) for slot, each in enumerate(self.outcomes))


def random_history(seed: int) -> History:
    chance = random.Random(seed)
    zone = chance.choice(["America/Chicago", "Asia/Kolkata", "Etc/UTC", "Australia/Lord_Howe"])
    interval_s = chance.choice([60, 77, 300, 600, 3600])
    slots = chance.randint(300, 900)
    history = History(zone, interval_s, LAST - timedelta(seconds=(slots - 1) * interval_s, milliseconds=317))
    coming = False
    while len(history.outcomes) < slots:
        history.outcomes += ["stored"] * chance.randint(1, 120)
        what = chance.choice(["agent_off", "bus_error", "evicted", "thinned", "unexplained", "on_its_way"])
        if what == "on_its_way" and coming:
            what = "evicted"
        coming = coming or what == "on_its_way"
        history.outcomes += [what] * chance.choice([1, 1, 2, 7, 40, 150])
        if chance.random() < 0.3:  # one hole with two causes
            history.outcomes += [chance.choice(["agent_off", "evicted"])] * chance.randint(1, 20)
    del history.outcomes[slots:]
    if chance.random() < 0.5:
        tail = chance.randint(1, 30)
        history.outcomes[-tail:] = ["no_word"] * tail
    if chance.random() < 0.3:
        history.outcomes[: chance.randint(1, 5)] = ["unexplained"] * 5
        del history.outcomes[slots:]
    return history


class Written:
    """A history as the write path would have left it."""

    def __init__(self, farm: Farm, history: History, chance: random.Random) -> None:
        self.farm, self.history, self.chance = farm, history, chance
        farm.connection.execute("UPDATE site SET time_zone = %s WHERE site_id = %s", (history.zone, farm.site_id))
        self.group = farm.group("head", [("t1", "temperature", "Cel")], interval_s=history.interval_s)
        other = farm.group("other", [("t1", "temperature", "Cel")], interval_s=history.interval_s)
        for each in (self.group, other):
            farm.connection.execute(
                "UPDATE group_expectation SET since = %s WHERE group_id = %s", (history.time(-1), each.group_id)
            )
        self.slots = [slot for slot, each in enumerate(history.outcomes) if each == "stored"]
        self.store(self.slots)
        self.declare()

    def store(self, slots: Sequence[int]) -> None:
        self.farm.samples(self.group, [(self.history.time(slot), [1.0], None) for slot in slots])

    def declare(self) -> None:
        history = self.history
        step = timedelta(seconds=history.interval_s)
        for kind in ("evicted", "thinned"):
            for first, last in history.runs(kind):
                self.gap(kind, history.time(first), history.time(last))
        for first, last in history.runs("agent_off"):
            started = history.time(last) + step * self.chance.uniform(0, 0.45)
            self.gap("agent_off", history.time(first - 1) + timedelta(milliseconds=1), started)
        for first, last in history.runs("bus_error"):
            late = step * self.chance.uniform(0, 0.45)
            read = history.outcomes[last + 1 : last + 2] == ["stored"]
            self.gap("bus_error", history.time(first) + late, history.time(last + read) + late, "head")
        silent = history.runs("no_word")
        heard = history.time(silent[0][0]) - step / 2 if silent else LAST + 3 * step
        self.farm.connection.execute(
            "UPDATE node SET last_pack_at = %s, created_at = %s WHERE node_id = %s",
            (heard, history.begins, self.farm.node_id),
        )
        for first, last in history.runs("on_its_way"):
            self.farm.connection.execute(
                "INSERT INTO node_epoch (node_id, epoch, accounted, declared_oldest, declared_next, declared_from, "
                "declared_to, last_seen_at) VALUES (%s, %s, '{[1,5),[9,12)}', 5, 12, %s, %s, %s)",
                (self.farm.node_id, EPOCH, history.time(first), history.time(last), heard),
            )

    def gap(self, kind: str, begins: datetime, ends: datetime, device: str | None = None) -> None:
        self.farm.connection.execute(
            "INSERT INTO gap_record (org_id, node_id, kind, from_time, to_time, device, recorded_seq) "
            "VALUES (%s, %s, %s, %s, %s, %s, (SELECT count(*) FROM gap_record))",
            (self.farm.org_id, self.farm.node_id, kind, begins, ends, device),
        )


def answer(owner: Connection[Any], group: Group, history: History) -> dict[date, dict[str, int]]:
    zone = ZoneInfo(history.zone)
    at = LAST + timedelta(seconds=2 * max(history.interval_s, 30)) + timedelta(milliseconds=1)
    days = history.begins.astimezone(zone).date(), LAST.astimezone(zone).date()
    cursor = owner.execute("SELECT * FROM completeness_of(%s, %s, %s, %s)", ([group.group_id], *days, at))
    assert cursor.description is not None
    names = [column.name for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return {row["day"]: row for row in rows}


def check(found: dict[date, dict[str, int]], history: History) -> None:
    books = history.books()
    assert set(found) == {day for day, _ in books}
    for day, row in found.items():
        expected = {cause: books.get((day, cause), 0) for cause in ("stored", *CAUSES)}
        assert {cause: row[cause] for cause in expected} == expected, (day, history)
        assert row["expected"] + row["surplus"] == row["stored"] + sum(row[cause] for cause in CAUSES)
        assert row["surplus"] == 0
        assert row["expected"] == sum(books[key] for key in books if key[0] == day)


@pytest.mark.parametrize("seed", range(40))
def test_the_ledger_agrees_with_who_knows_what_happened(owner: Connection[Any], farm: Farm, seed: int) -> None:
    history = random_history(seed)
    written = Written(farm, history, random.Random(seed))
    check(answer(owner, written.group, history), history)


@pytest.mark.parametrize("seed", range(40, 60))
async def test_it_agrees_as_well_with_holes_looked_up_beforehand_and_late_samples(
    owner: Connection[Any], connection: AsyncConnection[Any], farm: Farm, seed: int
) -> None:
    chance = random.Random(seed)
    history = random_history(seed)
    late = [slot for slot, each in enumerate(history.outcomes) if each == "stored" and chance.random() < 0.2]
    for slot in late:
        history.outcomes[slot] = "unexplained"
    written = Written(farm, history, random.Random(seed))
    settled = history.time(chance.randint(0, len(history.outcomes)))
    owner.execute("INSERT INTO rollup_horizon (closed_to, settled_to) VALUES (%s, %s)", (settled, settled))
    while await holes.search(connection, most=1):
        pass
    check(answer(owner, written.group, history), history)
    for slot in late:
        history.outcomes[slot] = "stored"
    written.store(late)
    owner.execute(
        "SELECT touch_rollups(%s, %s)",
        ([written.group.group_id] * len(late), [history.time(slot) for slot in late]),
    )
    while await holes.search_again(connection, most=7):
        pass
    check(answer(owner, written.group, history), history)
    later = LAST + timedelta(days=1)
    owner.execute("UPDATE rollup_horizon SET closed_to = %s, settled_to = %s", (later, later))
    while await holes.search(connection, most=1):
        pass
    check(answer(owner, written.group, history), history)
