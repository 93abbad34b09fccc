"""A commit whose answer is lost: the batch is tried again, and nothing of it is counted twice."""

from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest

from siloscope_ingest import transaction, writer
from siloscope_process.clock import SystemClock
from tests.ingest.conftest import Farm
from tests.ingest.messages import pack
from tests.ingest.unplugged import unplugged

pytestmark = pytest.mark.postgres
TORN = pack(2, 1_000, 20.0)[:-1]


def now_ms() -> int:
    return SystemClock().now_ms() // 60_000 * 60_000


class Answers:
    """Stands before `commit`: everything is committed, and some answers never arrive.

    Attributes:
        lost: How many have not arrived.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lost = 0
        self._to_lose = 0
        self._commit: Callable[..., Awaitable[Any]] = transaction.commit
        monkeypatch.setattr(writer, "commit", self._answer)

    def lose(self, count: int) -> None:
        """Lose the next answers."""
        self._to_lose = count

    async def _answer(self, *arguments: Any) -> Any:
        done = await self._commit(*arguments)
        if self._to_lose:
            self._to_lose -= 1
            self.lost += 1
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return done


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    return Answers(monkeypatch)


async def test_refused_messages_are_counted_once(postgres_farm_url: str, answers: Answers) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url, quarantined_a_minute=2) as worker:
        answers.lose(2)
        for _ in range(7):
            worker.send(TORN, at_ms)
        await worker.settled()
        assert answers.lost == 2
    assert farm.rows("SELECT times_seen FROM quarantine") == [(2,)]
    assert farm.rows("SELECT messages, bytes FROM quarantine_withheld") == [(5, 5 * len(TORN))]


async def test_what_comes_again_later_is_counted_again(postgres_farm_url: str, answers: Answers) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        for later in range(3):
            answers.lose(1)
            worker.send(TORN, at_ms + later * 1_000)
            await worker.settled()
    assert answers.lost == 3
    assert farm.rows("SELECT times_seen FROM quarantine") == [(3,)]


async def test_two_workers_that_lose_their_answers_count_their_own(postgres_farm_url: str, answers: Answers) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as one, unplugged(postgres_farm_url) as other:
        answers.lose(2)
        one.send(TORN, at_ms)
        other.send(TORN, at_ms)
        await one.settled()
        await other.settled()
    assert farm.rows("SELECT times_seen FROM quarantine") == [(2,)]


async def test_all_else_of_such_a_batch_is_stored_once(postgres_farm_url: str, answers: Answers) -> None:
    farm, at_ms = Farm(postgres_farm_url), now_ms()
    async with unplugged(postgres_farm_url) as worker:
        worker.send(pack(1, at_ms, 20.0), at_ms)
        await worker.settled()
        answers.lose(3)
        worker.send(TORN, at_ms)
        worker.send(pack(3, at_ms, 21.0), at_ms)  # contradicts the first
        worker.send(pack(4, at_ms - 40 * 365 * 86_400_000, 20.0), at_ms)  # too long ago to be believed
        await worker.settled()
    assert farm.rows("SELECT accounted::text FROM node_epoch") == [("{[1,2),[3,5)}",)]
    assert farm.value("SELECT count(*) FROM sample") == 1
    assert farm.value("SELECT count(*) FROM sample_conflict") == 1
    assert farm.value("SELECT count(*) FROM undated") == 1
    assert farm.rows("SELECT times_seen FROM quarantine") == [(1,)]
