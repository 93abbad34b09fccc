"""How much of a backlog is under way, against a platform that commits so many packs a second, in their order."""

from collections import deque
from dataclasses import dataclass, field

from siloscope_edge.backlog_window import FIRST, LEAST, PATIENT_S, BacklogWindow

STEP_S = 0.05


@dataclass
class Agent:
    """One that has more to send than anybody takes."""

    window: BacklogWindow
    begins_s: float = 0.0
    under_way: deque[float] = field(default_factory=deque)
    uncommitted: int = 0
    committed: int = 0
    heard_s: float = 0.0
    told: int = 0
    tokens: float = 0.0
    full: bool = False


class Platform:
    """Agents on one broker and one database.

    Args:
        agents: How many.
        per_s: Packs a second that are committed; changed at will.
        every_s: How often each agent gets a watermark.
    """

    def __init__(self, agents: int, per_s: float, every_s: float = 0.15, most: int = 8000) -> None:
        self.agents = [Agent(BacklogWindow(most), heard_s=every_s * at / agents) for at in range(agents)]
        self.per_s, self._every_s = per_s, every_s
        self.now_s = 0.0
        self._queue: deque[tuple[float, Agent]] = deque()
        self._credit = 0.0
        self.waited_s = 0.0

    def run(self, seconds: float) -> None:
        """Let time pass; ``waited_s`` is how long the one that waited longest did."""
        self.waited_s = 0.0
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            self._step()

    def rates(self, seconds: float) -> list[float]:
        """Let time pass, and return how many packs a second of each agent were committed."""
        before = [each.committed for each in self.agents]
        self.run(seconds)
        return [(each.committed - then) / seconds for each, then in zip(self.agents, before, strict=True)]

    @property
    def waiting(self) -> int:
        """How many packs are under way."""
        return len(self._queue)

    def _step(self) -> None:
        self.now_s += STEP_S
        for agent in self.agents:
            agent.tokens = min(agent.tokens + agent.window.per_s * STEP_S, max(1.0, agent.window.per_s / 4))
            agent.full |= len(agent.under_way) >= int(agent.window.size)
            while agent.begins_s <= self.now_s and len(agent.under_way) < int(agent.window.size) and agent.tokens >= 1:
                agent.tokens -= 1
                agent.under_way.append(self.now_s)
                self._queue.append((self.now_s, agent))
        self._credit = min(self._credit + self.per_s * STEP_S, self.per_s * STEP_S + 1)
        while self._queue and self._credit >= 1:
            self._credit -= 1
            sent_s, agent = self._queue.popleft()
            agent.committed += 1
            self.waited_s = max(self.waited_s, self.now_s - sent_s)
        for agent in self.agents:
            if self.now_s - agent.heard_s >= self._every_s and agent.committed > agent.told:
                agent.heard_s = self.now_s
                self._tell(agent)

    def _tell(self, agent: Agent) -> None:
        committed, agent.told = agent.committed - agent.told, agent.committed
        took_s = self.now_s - agent.under_way[0]
        for _ in range(committed):
            agent.under_way.popleft()
        oldest_s = agent.under_way[0] if agent.under_way else None
        agent.window.watermark(committed, took_s, oldest_s, self.now_s, was_full=agent.full)
        agent.full = False


def test_one_that_is_alone_gets_all_that_the_platform_can_do_within_seconds() -> None:
    platform = Platform(1, per_s=3000)
    platform.run(5)
    assert platform.rates(60)[0] > 0.95 * 3000
    assert platform.waited_s < 1.5 * PATIENT_S


def test_a_slow_platform_is_not_flooded() -> None:
    platform = Platform(1, per_s=20)
    platform.run(30)
    assert platform.rates(120)[0] > 0.9 * 20
    assert platform.waited_s < 1.5 * PATIENT_S


def test_hundreds_that_drain_at_once_share_what_there_is() -> None:
    platform = Platform(300, per_s=6000, every_s=1.0)
    platform.run(20)
    rates = platform.rates(20)
    assert sum(rates) > 0.9 * 6000
    assert max(rates) < 3 * min(rates)
    assert platform.waited_s < 2.0


def test_one_that_comes_later_gets_its_share() -> None:
    platform = Platform(4, per_s=4000)
    platform.agents[3].begins_s = 30.0
    platform.run(90)
    rates = platform.rates(60)
    assert min(rates) > 600
    assert platform.waited_s < 1.5 * PATIENT_S


def test_rare_watermarks_are_not_taken_for_a_platform_that_is_slow() -> None:
    platform = Platform(1, per_s=3000, every_s=10.0)
    platform.run(120)
    assert platform.agents[0].window.size > 2000


def test_an_outage_finds_no_more_under_way_than_before() -> None:
    platform = Platform(10, per_s=3000)
    platform.run(60)
    bound = sum(max(int(each.window.size), len(each.under_way)) for each in platform.agents)
    platform.per_s = 0
    platform.run(600)
    assert platform.waiting <= 1.1 * bound < 3000 * 1.5 * PATIENT_S
    platform.per_s = 3000
    platform.run(60)
    assert sum(platform.rates(30)) > 0.9 * 3000
    assert platform.waited_s < 1.5 * PATIENT_S


def test_the_bound_comes_down_once_for_what_was_sent_before_it() -> None:
    window = BacklogWindow(8000)
    window.watermark(1, 10.0, 0.0, 10.0, was_full=True)
    lower = window.size
    assert lower < FIRST
    window.watermark(1, 2.0, 9.0, 11.0, was_full=True)
    assert window.size == lower
    window.watermark(1, 2.0, 10.5, 12.5, was_full=True)
    assert window.size < lower


def test_it_stays_between_its_ends() -> None:
    window = BacklogWindow(300)
    for turn in range(100):
        window.watermark(200, 0.2, None, float(turn), was_full=True)
    assert window.size == 300
    for turn in range(200, 400, 2):
        window.watermark(1, 1.5, turn - 1.5, float(turn), was_full=True)
    assert window.size == LEAST
    window.restart()
    assert window.size == FIRST


def test_what_was_not_used_up_does_not_grow() -> None:
    window = BacklogWindow(8000)
    window.watermark(5, 0.2, None, 1.0, was_full=False)
    assert window.size == FIRST
