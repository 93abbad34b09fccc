"""What is remembered never becomes more than it may."""

from siloscope_contract.bounded import Bounded


def test_it_begins_anew_when_it_holds_too_many_or_too_much() -> None:
    memory: Bounded[str, int] = Bounded(most=3, heaviest=10)
    for at, key in enumerate("abc"):
        memory.put(key, at, 2)
    assert dict(memory) == {"a": 0, "b": 1, "c": 2}
    memory.put("d", 3, 2)
    assert dict(memory) == {"d": 3}
    memory.put("e", 4, 9)
    assert (dict(memory), memory.weight) == ({"e": 4}, 9)


def test_what_is_replaced_weighs_nothing_any_more() -> None:
    memory: Bounded[str, int] = Bounded(most=2, heaviest=10)
    memory.put("a", 0, 4)
    memory.put("b", 0, 4)
    for value in range(5):
        memory.put("b", value, 6)
    assert (dict(memory), memory.weight) == ({"a": 0, "b": 4}, 10)
