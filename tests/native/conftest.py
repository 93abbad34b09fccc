"""What looks at the memory of the process that the tests run in."""

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol

import pytest

CAME_BY_CHANCE = 100
"""So many blocks and references come and go with caches of the interpreter, however often something is called."""


@pytest.fixture(autouse=True)
def _nothing_without_a_compiler(compiled: None) -> None:
    """All tests here are of compiled code."""


@pytest.fixture
def collecting_always() -> Iterator[None]:
    """The garbage collector, started by nearly every object that is made."""
    before = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    yield
    gc.set_threshold(*before)


class KeepsNothing(Protocol):
    """Checks that a call, made so many times, leaves nothing behind: no memory, and no reference to what is held."""

    def __call__(
        self, times: int, call: Callable[..., object], *arguments: object, held: Sequence[object] = ()
    ) -> None:
        """Raise AssertionError where it does."""


@pytest.fixture
def keeps_nothing() -> KeepsNothing:
    """The check; what the call raises is let go like any other result."""

    def check(times: int, call: Callable[..., object], *arguments: object, held: Sequence[object] = ()) -> None:
        held = (None, *held, *arguments)
        _repeat(100, call, arguments)
        before = _blocks(), [sys.getrefcount(each) for each in held]
        _repeat(times, call, arguments)
        after = _blocks(), [sys.getrefcount(each) for each in held]
        assert after[0] - before[0] < CAME_BY_CHANCE
        assert all(abs(now - then) < CAME_BY_CHANCE for now, then in zip(after[1], before[1], strict=True))

    return check


def _repeat(times: int, call: Callable[..., object], arguments: tuple[object, ...]) -> None:
    for _ in range(times):
        with suppress(ValueError, TypeError, BufferError, OverflowError):
            call(*arguments)


def _blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


@contextmanager
def at_every_collection(done: Callable[[], object]) -> Iterator[None]:
    """Have something done whenever the garbage collector comes by."""

    def come(phase: str, _: dict[str, int]) -> None:
        done()

    gc.callbacks.append(come)
    try:
        yield
    finally:
        gc.callbacks.remove(come)
