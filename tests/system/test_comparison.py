"""The comparison that the system tests rest on notices each thing that can go wrong."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.system.comparison import differences
from tests.system.spooled import Instant, Spooled, Value
from tests.system.stored import Stored

HERE = Instant("bin-1-head-1", "t1", 1_700_000_000_123)
READ = Value(12.5, "Cel", 0)
FAILED = Value(None, None, 202)


def nothing(_: Stored) -> None:
    """Leave it as it is."""


def lose(database: Stored) -> None:
    database.readings.clear()


def double(database: Stored) -> None:
    database.twice.append(HERE)


def invent(database: Stored) -> None:
    database.readings[replace(HERE, time_ms=HERE.time_ms + 1)] = READ


def alter(**changes: object) -> Callable[[Stored], None]:
    def change(database: Stored) -> None:
        database.readings[HERE] = replace(READ, **changes)  # type: ignore[arg-type]  # a test names the field

    return change


@pytest.mark.parametrize(
    ("happened", "noticed"),
    [
        (nothing, []),
        (lose, ["lost"]),
        (double, ["stored twice"]),
        (invent, ["invented"]),
        (alter(value=12.500000000000002), ["altered"]),
        (alter(unit="K"), ["altered"]),
        (alter(quality=103), ["altered"]),
        (alter(value=None, unit=None, quality=202), ["altered"]),
    ],
)
def test_each_harm_is_noticed(happened: Callable[[Stored], None], noticed: list[str]) -> None:
    spooled = Spooled({HERE: READ})
    database = Stored({HERE: READ})
    happened(database)
    assert [what for what, *_ in differences(spooled, spooled, database)] == noticed


def test_what_was_spooled_since_may_or_may_not_be_stored() -> None:
    later = replace(HERE, time_ms=HERE.time_ms + 1000)
    due, spooled = Spooled({HERE: READ}), Spooled({HERE: READ, later: FAILED})
    assert differences(due, spooled, Stored({HERE: READ})) == []
    assert differences(due, spooled, Stored({HERE: READ, later: FAILED})) == []


def test_a_reading_in_two_packs_is_noticed() -> None:
    assert differences(Spooled(), Spooled({HERE: READ}, twice=[HERE]), Stored())[0][0] == "spooled twice"
