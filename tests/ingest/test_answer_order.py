"""In which order messages are acknowledged."""

import random

from siloscope_ingest.answer_order import PATIENCE_MS, AnswerOrder


def test_what_is_settled_out_of_order_goes_out_in_order() -> None:
    order = AnswerOrder()
    for packet_id in (1, 2, 3, 4):
        order.came(packet_id, 0)
    assert order.settle([3, 2], 10) == []
    assert order.settle([1], 20) == [1, 2, 3]
    assert order.settle([4], 30) == [4]


def test_one_that_is_never_settled_does_not_hold_back_the_others_for_ever() -> None:
    order = AnswerOrder()
    for packet_id in (1, 2, 3):
        order.came(packet_id, 0)
    assert order.settle([2], 10) == []
    assert order.settle([3], PATIENCE_MS + 1) == [2, 3]
    order.came(2, PATIENCE_MS + 2)
    assert order.settle([1, 2], PATIENCE_MS + 3) == [1, 2]


def test_each_is_acknowledged_once_whatever_the_order() -> None:
    source = random.Random(7)
    order = AnswerOrder()
    came = list(range(500))
    for packet_id in came:
        order.came(packet_id, 0)
    left, answered = came.copy(), []
    source.shuffle(left)
    while left:
        count = source.randint(1, 9)
        answered += order.settle(left[:count], 1)
        del left[:count]
    assert answered == came
