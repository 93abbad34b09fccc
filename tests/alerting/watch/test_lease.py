"""The lease: one holder, a higher term each time, and whoever slept is refused."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from siloscope_alerting.errors import Fenced
from siloscope_alerting.watch.lease import LEASE_S, RENEW_EVERY_S, Lease
from siloscope_process.clock import ManualClock
from siloscope_store import alert_lease
from siloscope_store.connections import Pool, async_pool, borrowed
from tests.alerting.conftest import AlertFarm


@pytest.fixture
async def pool(alert_farm: AlertFarm) -> AsyncIterator[Pool]:
    async with async_pool(alert_farm.url, min_size=2, max_size=4) as pool:
        yield pool


def expire(farm: AlertFarm) -> None:
    farm.connection.execute("UPDATE alert_evaluator SET lease_until = clock_timestamp() - interval '1 ms'")


async def test_of_many_that_race_one_holds(pool: Pool) -> None:
    leases = [Lease(pool, f"host:{number}", ManualClock()) for number in range(8)]
    terms = await asyncio.gather(*(lease.try_once() for lease in leases))
    assert sorted(term for term in terms if term is not None) == [1]


async def test_a_lease_that_ran_out_goes_to_another_with_a_higher_term(alert_farm: AlertFarm, pool: Pool) -> None:
    one, two = (Lease(pool, name, ManualClock()) for name in ("one", "two"))
    assert (await one.try_once(), await two.try_once()) == (1, None)
    expire(alert_farm)
    assert await two.try_once() == 2
    with pytest.raises(Fenced):
        await one.renew()
    assert one.term is None
    await two.renew()


async def test_who_slept_and_was_not_missed_goes_on(alert_farm: AlertFarm, pool: Pool) -> None:
    lease = Lease(pool, "one", ManualClock())
    await lease.try_once()
    expire(alert_farm)
    await lease.renew()
    async with borrowed(pool) as connection:
        assert (await alert_lease.holder(connection)).held


async def test_a_lease_that_is_given_back_is_free_at_once(pool: Pool) -> None:
    one, two = (Lease(pool, name, ManualClock()) for name in ("one", "two"))
    await one.try_once()
    await one.release()
    assert await two.try_once() == 2


async def test_giving_back_what_another_holds_changes_nothing(alert_farm: AlertFarm, pool: Pool) -> None:
    one, two = (Lease(pool, name, ManualClock()) for name in ("one", "two"))
    await one.try_once()
    expire(alert_farm)
    await two.try_once()
    await one.release()
    async with borrowed(pool) as connection:
        found = await alert_lease.holder(connection)
    assert (found.term, found.holder, found.held) == (2, "two", True)


def test_a_standby_leads_within_ten_seconds() -> None:
    assert LEASE_S + RENEW_EVERY_S < 10
    assert LEASE_S > 2 * RENEW_EVERY_S
