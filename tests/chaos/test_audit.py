"""The auditor notices every harm: what it would not notice, no campaign could find."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos import rollup_audit
from tests.chaos.audit import DAY_MS, Held, differences
from tests.chaos.rollup_audit import Rollup, computed, unlike
from tests.chaos.truth import Pack, Place, Truth
from tests.system.spooled import Value

NOW_MS = 1_800_000_000_000
HERE = Place("alder", "probe", "t1", NOW_MS - 60_000)
THERE = HERE._replace(time_ms=HERE.time_ms + 1000)
WILD = HERE._replace(time_ms=NOW_MS + 900 * DAY_MS)
READ, OTHER, FAILED = Value(12.5, "Cel", 0), Value(13.0, "Cel", 0), Value(None, None, 202)
ID, NEXT = ("a" * 32, 1), ("a" * 32, 2)


def spooled() -> Truth:
    packs = {ID: Pack("alder", b"one", {HERE: READ, THERE: FAILED}), NEXT: Pack("alder", b"two", {WILD: READ})}
    return Truth(packs, payloads={b"one", b"two"}, still_spooled={ID, NEXT}, topics={"of alder": "alder"})


def held() -> Held:
    found = Held({HERE: READ, THERE: FAILED})
    found.undated[WILD].add(READ)
    found.accounted[ID[0]] = [(1, 3)]
    found.latest["alder", "probe", "t1"] = THERE.time_ms, FAILED
    return found


def nothing(_truth: Truth, _held: Held) -> None: ...


def lose(_truth: Truth, held: Held) -> None:
    del held.readings[HERE]


def lose_undated(_truth: Truth, held: Held) -> None:
    held.undated.clear()


def alter(_truth: Truth, held: Held) -> None:
    held.readings[HERE] = OTHER


def invent(_truth: Truth, held: Held) -> None:
    held.readings[HERE._replace(channel="t2")] = OTHER
    held.latest["alder", "probe", "t2"] = HERE.time_ms, OTHER


def forget_number(_truth: Truth, held: Held) -> None:
    held.accounted[ID[0]] = [(2, 3)]


def refuse(_truth: Truth, held: Held) -> None:
    held.refused[ID] = "malformed"


def lock_away(_truth: Truth, held: Held) -> None:
    held.quarantine.append((b"one", "malformed", "", "of alder"))


def hide_conflict(truth: Truth, _held: Held) -> None:
    truth.packs["b" * 32, 1] = Pack("alder", b"three", {HERE: OTHER})
    _held.accounted["b" * 32] = [(1, 2)]


def age_latest(_truth: Truth, held: Held) -> None:
    held.latest["alder", "probe", "t1"] = HERE.time_ms, READ


def falsify_latest(_truth: Truth, held: Held) -> None:
    held.latest["alder", "probe", "t1"] = THERE.time_ms, OTHER


def open_weeks(truth: Truth, held: Held) -> None:
    for week in range(20):
        place = HERE._replace(time_ms=NOW_MS - 70 * DAY_MS - week * 7 * DAY_MS)
        truth.sent[place].add(READ)
        held.readings[place] = READ


@pytest.mark.parametrize(
    ("harm", "noticed"),
    [
        (nothing, []),
        (lose, ["lost or altered"]),
        (lose_undated, ["lost or altered"]),
        (alter, ["lost or altered", "invented"]),
        (invent, ["invented"]),
        (forget_number, ["not accounted for"]),
        (refuse, ["a good pack was refused"]),
        (lock_away, ["a good message"]),
        (hide_conflict, ["lost or altered"]),
        (age_latest, ["latest of"]),
        (falsify_latest, ["latest of"]),
        (open_weeks, ["wild clocks opened 20 weeks"]),
    ],
)
def test_each_harm_is_noticed(harm: Callable[[Truth, Held], None], noticed: list[str]) -> None:
    truth, database = spooled(), held()
    harm(truth, database)
    found = list(differences(truth, database, set(), NOW_MS))
    assert len(found) == len(noticed)
    assert all(text.startswith(start) for text, start in zip(found, noticed, strict=True))


def test_a_second_value_that_is_kept_beside_the_first_is_not_lost() -> None:
    truth, database = spooled(), held()
    hide_conflict(truth, database)
    database.conflicts[HERE].add(OTHER)
    assert not list(differences(truth, database, set(), NOW_MS))


def test_what_went_with_a_card_may_be_missing_and_only_then() -> None:
    truth, database = spooled(), held()
    forget_number(truth, database)
    lose(truth, database)
    database.readings.pop(THERE)
    database.latest.clear()
    truth.still_spooled.discard(ID)
    assert not list(differences(truth, database, {ID}, NOW_MS))
    truth.still_spooled.add(ID)
    assert list(differences(truth, database, {ID}, NOW_MS))


def test_a_roll_up_is_computed_as_a_person_would() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    rows: list[rollup_audit.Sample] = [
        (begin + timedelta(seconds=at), values, codes)
        for at, values, codes in (
            (2, [350.0, 5.0], None),
            (1, [10.0, 3.0], [0, 103]),
            (3, [None, 1.0], [202, 0]),
        )
    ]
    found = computed(rows, ["wind_direction", "rain"])
    assert (found.samples, found.counts, found.last) == (3, [2, 3], [350.0, 1.0])
    assert (found.first, found.increase) == ([None, 3.0], [None, 3.0])
    assert found.reasons == {"0": {"202": 1}, "1": {"103": 1}}
    assert found.mean[0] is not None
    assert min(found.mean[0], 360 - found.mean[0]) < 1e-9
    assert found.resultant == [pytest.approx(math.cos(math.radians(10))), None]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Rollup(1, [1], [2.0], [2.0], [2.0], [2.0]), None),
        (Rollup(2, [1], [2.0], [2.0], [2.0], [2.0]), "samples"),
        (Rollup(1, [1], [2.0], [2.0], [2.1], [2.0]), "mean"),
        (Rollup(1, [1], [2.0], [2.0], [2.0], [None]), "last"),
        (Rollup(1, [1], [2.0], [2.0], [2.0], [2.0], reasons={"0": {"103": 1}}), "reasons"),
    ],
)
def test_a_roll_up_that_differs_is_noticed(found: Rollup, expected: str | None) -> None:
    wrong = unlike(Rollup(1, [1], [2.0], [2.0], [2.0], [2.0]), found)
    assert (wrong is None) if expected is None else (wrong is not None and wrong.startswith(expected))
