"""A schedule is its seed's, and holds every kind of fault."""

from tests.chaos.schedule import Kind, Possible, schedule

EVERYTHING = Possible(
    [("ingest-0", 5), ("broker", 3), ("database", 3)],
    ["ingest-0"],
    ["alder", "birch", "cedar"],
    ["willow"],
    heavy=[(kind, 1) for kind in (Kind.DISK_FULL, Kind.BACKUP, Kind.RESTORE, Kind.PROMOTE)]
    + [(kind, 1) for kind in (Kind.CARD_COPY, Kind.CARD_RESTORED, Kind.CARD_CLONED)],
)


def test_the_same_seed_gives_the_same_faults_and_another_others() -> None:
    assert schedule(7, 50, EVERYTHING) == schedule(7, 50, EVERYTHING)
    assert schedule(7, 50, EVERYTHING) != schedule(8, 50, EVERYTHING)


def test_a_short_campaign_has_the_heavy_ones_in_an_order_that_makes_sense() -> None:
    kinds = [each.kind for each in schedule(1, 100, EVERYTHING)]
    assert kinds.index(Kind.BACKUP) < kinds.index(Kind.RESTORE)
    assert kinds.index(Kind.CARD_COPY) < kinds.index(Kind.CARD_RESTORED)
    assert {Kind.DISK_FULL, Kind.CARD_CLONED, Kind.CLOCK_WILD, Kind.PROMOTE} <= set(kinds)


def test_the_clock_that_goes_wild_for_certain_is_of_a_node_whose_card_stays() -> None:
    wild = [each.victim for each in schedule(1, 20, EVERYTHING) if each.kind is Kind.CLOCK_WILD]
    assert wild == ["cedar"]


def test_each_campaign_has_locks_that_hold_for_the_longest_time() -> None:
    faults = schedule(1, 100, EVERYTHING)
    longest = [(each.kind, each.victim) for each in faults if each.hold_s == EVERYTHING.longest_s]
    assert longest == [(Kind.LOCK_TABLE, "sample"), (Kind.LOCK_ROWS, "node_epoch")]


def test_an_agent_meets_all_that_can_happen_to_a_card_and_to_good_messages_and_nothing_that_clocks_do() -> None:
    faults = schedule(1, 100, EVERYTHING)
    cards = [each.kind for each in faults if each.victim == "willow" and each.kind.startswith("card")]
    assert [cards.index(kind) for kind in (Kind.CARD_COPY, Kind.CARD_CLONED, Kind.CARD_RESTORED)] == [0, 1, 2]
    kinds = {each.kind for each in schedule(1, 3000, EVERYTHING) if each.victim == "willow"}
    assert {Kind.DUPLICATED, Kind.REORDERED, Kind.CUT_SHORT, Kind.FLIPPED} <= kinds
    assert not {Kind.CLOCK_STEP, Kind.CLOCK_WILD, Kind.DELAYED} & kinds


def test_every_kind_comes_up() -> None:
    assert {each.kind for each in schedule(1, 3000, EVERYTHING)} == set(Kind)


def test_what_a_world_cannot_bear_never_comes() -> None:
    bearable = Possible([("ingest-0", 5)], [], ["alder"])
    assert not {each.kind for each in schedule(1, 1000, bearable)} & {Kind.RESTORE, Kind.PROMOTE, Kind.DISK_FULL}
