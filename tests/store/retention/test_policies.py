"""How long what is kept: what may be set, and what is refused."""

from typing import Any

import pytest
from psycopg import Connection

from siloscope_store.errors import NameUnknown, RetentionWrong
from siloscope_store.retention import policies
from tests.store.farm import Farm


@pytest.mark.parametrize("text", ["", "90", "d", "-1d", "0d", "1.5y", "90 hours", "200y", "\u0661d"])
def test_a_duration_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(RetentionWrong, match="expected"):
        policies.read_duration(text)


@pytest.mark.parametrize(
    ("text", "days"), [("90d", 90), ("26w", 182), ("1y", 366), ("2y", 731), ("10 Y", 3653), ("forever", None)]
)
def test_a_duration_is_days_weeks_or_years(text: str, days: int | None) -> None:
    assert policies.read_duration(text) == days


@pytest.mark.parametrize("days", [1, 90, 366, 731, 3653, None])
def test_a_duration_is_written_as_it_is_read(days: int | None) -> None:
    assert policies.read_duration(policies.written_duration(days)) == days


@pytest.mark.parametrize(
    ("organisation", "retention_class", "level", "days", "says"),
    [
        ("nobody", "measurements", "raw", 9, "no organisation is named 'nobody'"),
        ("ours", "weather", "raw", 9, "no retention class is named 'weather'; there are measurements, vitals, records"),
        ("ours", "vitals", "week", 9, "vitals have no level 'week'; there are raw, m5, hour, day"),
        ("ours", "records", "raw", 9, "records have no level 'raw'"),
        ("ours", "measurements", "hour", 9, "hour would be kept for 9d and m5 for 3y"),
        ("ours", "measurements", "raw", None, "m5 would be kept for 3y and raw for forever"),
    ],
)
@pytest.mark.postgres
def test_what_cannot_be_set_is_refused(
    owner: Connection[Any], farm: Farm, organisation: str, retention_class: str, level: str, days: int | None, says: str
) -> None:
    before = policies.policies(owner)
    with pytest.raises((RetentionWrong, NameUnknown)) as refused:
        policies.set_policy(owner, organisation, retention_class, level, days)
    assert says in refused.value.message
    assert policies.policies(owner) == before


def test_an_organisation_keeps_what_it_set_and_nobody_else_does(
    owner: Connection[Any], farm: Farm, foreign: Farm
) -> None:
    policies.set_policy(owner, "ours", "vitals", "raw", 30)
    kept = {
        (each.organisation, each.level): each for each in policies.policies(owner) if each.retention_class == "vitals"
    }
    assert (kept["ours", "raw"].keep_days, kept["ours", "raw"].by_default) == (30, False)
    assert (kept["theirs", "raw"].keep_days, kept["theirs", "raw"].by_default) == (92, True)
    policies.set_policy(owner, "ours", "vitals", "day", None)
    assert [each.keep_days for each in policies.policies(owner, "ours") if each.level == "day"] == [None, None]


def test_the_archive_is_required_until_somebody_says_otherwise(owner: Connection[Any], farm: Farm) -> None:
    assert policies.archive_required(owner) == {farm.org_id: True}
    policies.require_archive(owner, "ours", required=False)
    assert policies.archive_required(owner) == {farm.org_id: False}
    with pytest.raises(NameUnknown):
        policies.require_archive(owner, "nobody", required=True)
