"""The small parts of ingest, each by itself."""

import pytest

from siloscope_contract.births import EpochSpan, State
from siloscope_contract.packs import Epoch
from siloscope_ingest.accumulator import linger_s
from siloscope_ingest.backoff import Backoff
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.held import Held
from siloscope_ingest.presence import PresenceBook
from siloscope_ingest.redeliveries import REMEMBERED_MS, RedeliveryUnknown, RelativeMessages
from siloscope_ingest.settings import IngestSettings
from siloscope_ingest.shapes import ChannelsMissing, shape
from siloscope_ingest.twins import TOLERANCE_MS, Epochs
from siloscope_ingest.window import TimeWindow
from siloscope_process import broker_url
from siloscope_process.errors import WrongSetting
from siloscope_process.settings import load
from siloscope_store.registry import Channel, NewChannel, plan_channels
from siloscope_store.sample_rows import decode


class Nobody:
    """Whoever acknowledges nothing."""

    def acknowledge(self, packet_ids: object) -> None:
        raise AssertionError


def delivery(size: int) -> Delivery:
    return Delivery("topic", bytes(size), 0, 1, Nobody())


def channel(key: str, position: int, *, unit: str = "Cel", group_id: int = 1, active: bool = True) -> Channel:
    retention = "measurements" if group_id == 1 else "vitals"
    return Channel(group_id * 100 + position, key, "temperature", unit, group_id, "main", retention, position, active)


def test_a_broker_url_is_taken_apart() -> None:
    found = broker_url.parse("mqtt://farm%40home:p%2Fw@broker.example:2883")
    assert (found.host, found.port, found.username, found.password, found.tls) == (
        "broker.example",
        2883,
        "farm@home",
        "p/w",
        False,
    )
    assert broker_url.parse("mqtts://broker").port == 8883
    assert broker_url.parse("mqtt://u@broker", "from-a-file").password == "from-a-file"
    assert "p/w" not in repr(found) + str(found)


@pytest.mark.parametrize("text", ["broker:1883", "http://broker", "mqtt://", "mqtt://u:secret@h:port", "mqtt://h/path"])
def test_a_wrong_broker_url_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(WrongSetting, match="SILOSCOPE_MQTT_URL") as refused:
        broker_url.parse(text)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SILOSCOPE_INGEST_WORKER", "No Slug"),
        ("SILOSCOPE_MQTT_VERSION", "4"),
        ("SILOSCOPE_MOST_DEVICES_PER_NODE", "0"),
        ("SILOSCOPE_BELIEVED_PAST_DAYS", "long"),
    ],
)
def test_a_wrong_setting_is_named(variable: str, value: str) -> None:
    needed = {"SILOSCOPE_DATABASE_URL": "postgresql://h/d", "SILOSCOPE_MQTT_URL": "mqtt://h"}
    with pytest.raises(WrongSetting, match=variable):
        load(IngestSettings, {**needed, variable: value})


def test_sharing_needs_mqtt_5() -> None:
    told = {
        "SILOSCOPE_DATABASE_URL": "postgresql://h/d",
        "SILOSCOPE_MQTT_URL": "mqtt://h",
        "SILOSCOPE_INGEST_SHARED_GROUP": "workers",
        "SILOSCOPE_MQTT_VERSION": "3.1.1",
    }
    with pytest.raises(WrongSetting, match="MQTT 5"):
        load(IngestSettings, told)


def test_reading_stops_at_the_limit_and_goes_on_when_a_fifth_of_it_is_free() -> None:
    calls: list[str] = []
    held = Held(5, 1000, lambda: calls.append("pause"), lambda: calls.append("resume"))
    taken = [delivery(10) for _ in range(6)]
    for each in taken:
        held.take(each)
    assert calls == ["pause"]
    held.release(taken[:1])
    assert calls == ["pause"]
    held.release(taken[1:2])
    assert calls == ["pause", "resume"]
    held.take(delivery(2000))
    assert calls == ["pause", "resume", "pause"]


def test_company_is_waited_for_only_where_there_is_little() -> None:
    assert linger_s(1, 0.0) <= 0.005
    assert linger_s(1, 9.0) <= 0.05
    assert linger_s(10_000, 9.0) == 0


def test_pauses_grow_to_a_limit() -> None:
    backoff = Backoff(0.1, 1.0)
    assert [round(backoff.next_s(), 1) for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_a_time_is_believed_within_the_window() -> None:
    window = TimeWindow.of_days(10, 1)
    day_ms = 86_400_000
    now_ms = 20_000 * day_ms
    assert [window.holds(now_ms + days * day_ms, now_ms) for days in (-11, -10, 0, 1, 2)] == [
        False,
        True,
        True,
        True,
        False,
    ]


def said(payload: bytes, at_ms: int, *, duplicate: bool = False) -> Delivery:
    return Delivery("topic", payload, at_ms, 1, Nobody(), duplicate)


def test_only_marked_redeliveries_within_ten_minutes_are_repeats() -> None:
    seen = RelativeMessages()
    assert seen.take(1, said(b"x", 0))
    assert seen.take(1, said(b"x", 1000))
    assert seen.take(1, said(b"x", 2000, duplicate=True)) is None
    with pytest.raises(RedeliveryUnknown):  # it may have come again since, to another worker
        seen.take(1, said(b"x", 1001 + REMEMBERED_MS, duplicate=True))


def test_the_database_is_asked_for_a_redelivery_of_what_is_not_remembered() -> None:
    with pytest.raises(RedeliveryUnknown):
        RelativeMessages().take(2, said(b"x", 2000, duplicate=True))


def test_what_is_remembered_is_bounded() -> None:
    seen = RelativeMessages(most=10)
    for at in range(100):
        seen.take(1, said(b"%d" % at, at))
    with pytest.raises(RedeliveryUnknown):
        seen.take(1, said(b"0", 100, duplicate=True))
    assert seen.take(1, said(b"99", 100, duplicate=True)) is None


def test_a_restart_with_a_backlog_is_no_twin() -> None:
    epochs = Epochs()
    minute = TOLERANCE_MS
    assert epochs.note("old", 0, 0) is None
    assert epochs.note("old", 9 * minute, 9 * minute) is None
    assert epochs.note("new", 20 * minute, 20 * minute) is None  # restarted at 20
    assert epochs.note("old", 19 * minute, 21 * minute) is None  # what the old one left in the spool
    assert epochs.note("new", 40 * minute, 40 * minute) is None
    assert epochs.note("old", 15 * minute, 41 * minute) is None


def test_a_clock_that_was_ahead_before_a_restart_is_no_twin() -> None:
    epochs = Epochs()
    hour_ms = 3_600_000
    for at_ms in range(0, 600_000, 10_000):
        assert epochs.note("a", at_ms + hour_ms, at_ms) is None
    for at_ms in range(700_000, 1_300_000, 10_000):  # what was left in the spool comes beside
        assert epochs.note("b", at_ms, at_ms) is None
        assert epochs.note("a", at_ms - 100_000 + hour_ms, at_ms) is None


def test_two_epochs_that_both_go_on_are_told_once() -> None:
    epochs = Epochs()
    minute = TOLERANCE_MS
    found = [epochs.note(epoch, turn * minute, turn * minute) for turn in range(10) for epoch in ("one", "two")]
    assert [each for each in found if each] in (["one"], ["two"])


def test_presence_is_written_once_for_each_node_and_bounded() -> None:
    book = PresenceBook(most=2)
    for node_id in (3, 1, 2):
        book.pack(node_id, 1000)
        book.pack(node_id, 2000)
    book.state(1, State.OFFLINE, 1500)
    book.declare(1, "s", [EpochSpan("e" * 32, 1, 5), EpochSpan("no epoch", 1, 5), EpochSpan("f" * 32, 1, 2**63)])  # type: ignore[arg-type]  # wrong on purpose
    first, declared = book.take()
    assert [each.node_id for each in first] == [1, 3]  # those that have waited longest, in the order of their ids
    assert (first[0].state, first[1].state) == ("offline", None)
    assert [each.next for each in declared] == [5]
    assert [each.node_id for each in book.take()[0]] == [2]
    assert book.take() == ([], [])


def test_declared_numbers_of_no_node_wait_for_ever() -> None:
    book = PresenceBook(most=2)
    written = []
    for turn in range(4):
        for node_id in (1, 2, 3):  # every node says more before all was written
            book.declare(node_id, "s", [EpochSpan(Epoch("e" * 32), 1, 5 + turn)])
        written += [each.node_id for each in book.take()[1]]
    assert set(written) == {1, 2, 3}


def test_made_up_epochs_do_not_pile_up() -> None:
    book = PresenceBook(most=300_000)
    book.declare(1, "s", [EpochSpan(Epoch("e" * 32), 1, 5)])
    for node_id in range(2, 42):
        book.declare(node_id, "s", [EpochSpan(Epoch(f"{number:032x}"), 1, 5) for number in range(5000)])
    book.declare(1, "s", [EpochSpan(Epoch("e" * 32), 1, 9)])
    written = book.take()[1]
    assert len(written) == 100_000
    assert [each.next for each in written if each.node_id == 1] == [9]


def test_a_node_that_makes_up_epochs_takes_no_room_from_the_others() -> None:
    book, written = PresenceBook(), []
    for turn in range(9):
        made_up = range(turn * 120_000, turn * 120_000 + 120_000, 10)
        book.declare(2, "s", [EpochSpan(Epoch(f"{number:032x}"), 1, 5) for number in made_up])
        book.declare(1, "s", [EpochSpan(Epoch("e" * 32), 1, turn + 2)])
        written += [each.next for each in book.take()[1] if each.node_id == 1]
    assert written == [4, 7, 10]


def test_readings_go_to_their_positions_whatever_their_order() -> None:
    channels = [channel("a", 0), channel("b", 1), channel("c", 2), channel("supply", 0, unit="V", group_id=2)]
    found = shape(("c", "supply", "a"), ("Cel", "V", "Cel"), channels)
    main, vitals = found.parts
    assert decode(main.encode(0, [3.0, 5.0, 1.0], [0, 0, 0], plain=True)).values == [1.0, None, 3.0]
    assert decode(vitals.encode(0, [3.0, 5.0, 1.0], [0, 0, 0], plain=True)).values == [5.0]
    assert (main.whole, vitals.whole) == (False, True)
    assert (main.table, vitals.table) == (0, 1)


def test_failed_and_uncertain_readings_keep_their_codes() -> None:
    channels = [channel("a", 0), channel("b", 1), channel("c", 2)]
    (part,) = shape(("a", "b"), ("Cel", None), channels).parts
    row = decode(part.encode(0, [1.0, None], [101, 202], plain=False))
    assert (row.values, row.quality) == ([1.0, None], [101, 202])


def test_readings_of_unknown_channels_are_asked_for_and_failed_ones_are_named() -> None:
    with pytest.raises(ChannelsMissing) as missing:
        shape(("a", "b", "c"), ("Cel", "V", None), [channel("a", 0)])
    assert missing.value.wanted == [("b", "V")]
    assert shape(("a", "c"), ("Cel", None), [channel("a", 0)]).unknown == ("c",)


def test_a_channel_that_changes_unit_or_group_is_succeeded_and_may_return() -> None:
    known = [channel("a", 0, unit="V", active=False), channel("a", 1), channel("b", 2)]
    plan = plan_channels([NewChannel("a", "voltage", "V"), NewChannel("c", "voltage", "V")], known, 1)
    assert (plan.retired, plan.revived) == ([101], [100])
    assert plan.created == [(NewChannel("c", "voltage", "V"), None)]
    moved = plan_channels([NewChannel("b", "temperature", "Cel")], known, 2)
    assert (moved.retired, moved.revived) == ([102], [])
    assert moved.created == [(NewChannel("b", "temperature", "Cel"), 102)]
    assert plan_channels([NewChannel("b", "temperature", "Cel")], known, 1).created == []
