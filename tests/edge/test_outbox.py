"""What is sent next, as strings: what happens above, what the outbox answers below.

Happenings: ``s`` a pack is spooled, ``n`` next?, ``k`` the broker acknowledges the oldest, ``c`` all sent so far is
committed, ``x`` the link is lost, ``o`` it is back, ``w`` a second passes, ``W`` a minute passes, ``.`` a watermark
that commits nothing, ``g`` a watermark with number 1 as its gap.
Answers to ``n``: ``L`` live, ``B`` backlog, ``G`` gap, ``P`` probe; ``f`` offline, ``a`` unacknowledged window full,
``u`` uncommitted window full, ``t`` awaiting a watermark, ``r`` rate, ``-`` idle.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from siloscope_edge.outbox import Outbox, Send, Wait, Why, Windows
from siloscope_edge.spans import Spans

LETTERS = {
    Why.LIVE: "L",
    Why.BACKLOG: "B",
    Why.GAP: "G",
    Why.PROBE: "P",
    Wait.OFFLINE: "f",
    Wait.UNACKNOWLEDGED: "a",
    Wait.UNCOMMITTED: "u",
    Wait.SETTLING: "t",
    Wait.RATE: "r",
    Wait.IDLE: "-",
}
WINDOWS = Windows(unacknowledged=3, uncommitted=5, draining=5, backlog_per_s=1.0, live=2)


class Play:
    """An outbox, driven letter by letter."""

    def __init__(self, windows: Windows = WINDOWS, owed: int = 0) -> None:
        self.outbox = Outbox(windows, Spans([(1, owed + 1)]))
        self.now_s = 100.0
        self.next_number = owed + 1
        self.sent: list[int] = []
        self.unacknowledged: list[int] = []

    def run(self, happenings: str) -> str:
        return "".join(self.step(each) for each in happenings)

    def step(self, letter: str) -> str:
        match letter:
            case "s":
                self.outbox.spooled(self.next_number, self.next_number + 1)
                self.next_number += 1
            case "k" if self.unacknowledged:
                self.outbox.acknowledged(self.unacknowledged.pop(0))
            case "c":
                self.outbox.accounted(Spans([(each, each + 1) for each in self.sent]), self.now_s)
            case "x":
                self.outbox.disconnected()
                self.sent, self.unacknowledged = [], []
            case "o":
                self.outbox.connected(self.now_s, self.next_number)
            case "w":
                self.now_s += 1
            case "W":
                self.now_s += 60
            case ".":
                self.outbox.accounted(Spans(), self.now_s)
            case "g":
                self.outbox.accounted(Spans(), self.now_s)
                self.outbox.doubted(Spans([(1, 2)]))
            case "n":
                return self._next()
        return ""

    def _next(self) -> str:
        answer = self.outbox.next(self.now_s)
        if isinstance(answer, Send):
            self.sent.append(answer.number)
            self.unacknowledged.append(answer.number)
            return LETTERS[answer.why]
        return LETTERS[answer.reason]


@pytest.mark.parametrize(
    ("happenings", "answers"),
    [
        ("sn", "f"),  # nothing leaves without a link
        ("osnsnn", "LL-"),
        ("osssnnnkn", "LLtt"),  # only the newest two wait as live
        ("ossnnsnsnknkn", "LLLaL-"),  # three without acknowledgement, then none
        ("osnksnksnksnksnksnkn", "LLLLLuu"),  # five that are not committed, then none
        ("osnksnksnksnksnksncn", "LLLLLuL"),  # a commit frees the window
        ("osnksnksnksnksnksnxosn", "LLLLLuL"),  # what the broker acknowledged is owed still: live goes first
        ("sosnnwwwwwn", "LtB"),  # the backlog waits for a watermark, but not for ever
        ("so.nwn", "rB"),  # a watermark ends that wait; the rate begins
        ("ssso.wnnwnwn", "BrBB"),
        ("sssssso.wnkwnkwnkwnkwnkwn", "BBBBuu"),  # a quarter of the window is kept for live packs
        ("sssssso.wnkwnkwnkwnksnkwn", "BBBBLu"),
        ("osssssnnn", "LLt"),  # only the newest wait as live
        ("osnkWn", "LP"),  # silence: one probe
        ("osnkWnkwn", "LP-"),  # and then twice the patience
        ("osnkWnkWnkWn", "LPP-"),
        ("osnWn", "L-"),  # not acknowledged: the link's trouble, not ours
        ("osnkgnwwwwwn", "L-G"),  # a gap is sent again after a while
        ("osnkgwwwwwnkwwwwwnwwwwwn", "LG-G"),  # with growing patience
        ("osnkgcwwwwwn", "L-"),  # committed meanwhile
        ("osnksnksnksnksnkgwwwwwn", "LLLLLG"),  # a gap needs no place in the uncommitted window
    ],
)
def test_what_is_sent_next(happenings: str, answers: str) -> None:
    assert Play().run(happenings) == answers


def test_probes_take_the_newest_and_the_oldest_in_turn() -> None:
    play = Play()
    play.run("osnsnkkWnkWWn")
    assert play.sent == [1, 2, 2, 1]


def test_an_acknowledgement_of_the_last_connection_means_nothing_on_this_one() -> None:
    play = Play()
    play.run("osnxo")
    play.outbox.acknowledged(1)
    assert play.outbox.unacknowledged == 0
    assert play.outbox.owed == 1


def test_another_generation_is_owed_what_the_last_one_had() -> None:
    play = Play()
    play.run("osnksnkc")
    assert play.outbox.owed == 0
    play.outbox.owed_again(Spans([(1, 3)]))
    assert play.run("wnwn") == "BB"


def test_evicted_packs_are_no_longer_owed() -> None:
    play = Play(owed=4)
    play.outbox.gone(1, 4)
    assert play.run("o.wnwn") == "B-"
    assert play.sent == [4]


def drained(outbox: Outbox, now_s: float, seconds: float) -> list[int]:
    """Send a backlog to a platform that commits everything each fifth of a second; return how much was under way."""
    under_way = []
    waiting = Spans()
    for step in range(round(seconds * 50)):
        while isinstance(answer := outbox.next(now_s + step / 50), Send):
            assert answer.why is Why.BACKLOG
            outbox.acknowledged(answer.number)
            waiting.add(answer.number, answer.number + 1)
        under_way.append(outbox.uncommitted)
        if step % 10 == 9:
            outbox.accounted(waiting, now_s + step / 50)
            waiting = Spans()
    return under_way


def test_while_the_database_keeps_up_more_of_a_backlog_is_under_way_and_live_packs_still_have_room() -> None:
    outbox = Outbox(Windows(10**6, uncommitted=40, draining=400, settle_s=0), Spans([(1, 100_000)]))
    outbox.connected(100.0, 100_000)
    under_way = drained(outbox, 100.0, 10.0)
    assert under_way[0] <= 30
    assert max(under_way) == 400 - 10
    now_s = 111.0
    while isinstance(outbox.next(now_s), Send):
        pass
    now_s = 200.0  # nothing was committed since then
    while isinstance(outbox.next(now_s), Send):
        pass
    assert outbox.uncommitted == 400 - 10
    outbox.spooled(100_000, 100_020)
    sent = [answer for _ in range(20) if isinstance(answer := outbox.next(now_s), Send)]
    assert {answer.why for answer in sent} == {Why.LIVE}
    assert outbox.uncommitted == 400


def test_a_new_connection_begins_with_little_of_the_backlog() -> None:
    outbox = Outbox(Windows(10**6, uncommitted=400, settle_s=0), Spans([(1, 100_000)]))
    outbox.connected(100.0, 100_000)
    assert max(drained(outbox, 100.0, 5.0)) > 300
    outbox.disconnected()
    outbox.connected(200.0, 100_000)
    while isinstance(outbox.next(210.0), Send):
        pass
    assert outbox.uncommitted <= 32


@given(st.text(alphabet="snkcxowWg.", max_size=120), st.integers(0, 20))
def test_no_window_is_ever_exceeded_and_nothing_owed_is_forgotten(happenings: str, owed: int) -> None:
    play = Play(owed=owed)
    for letter in happenings:
        play.step(letter)
        assert play.outbox.unacknowledged <= WINDOWS.unacknowledged
        assert play.outbox.uncommitted <= WINDOWS.uncommitted
    play.run("xo." + "wnkc" * (owed + len(happenings) + 2))
    assert play.outbox.owed == 0
