"""The bar is drawn on a terminal, not too often and never too wide; elsewhere nothing is."""

import io

from siloscope_edge.doctor.screen import Screen
from siloscope_edge.doctor.session import Progress
from siloscope_edge.doctor.telling import bar


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def step(spent_s: float, done: int = 5, what: str = "asking unit ids") -> Progress:
    return Progress(what, done, 10, spent_s, 300.0, 12, 2)


def test_the_bar_says_what_how_far_how_many_and_how_long() -> None:
    drawn = bar(step(41.3))
    assert drawn.startswith("[##########..........] asking unit ids   ")
    assert drawn.endswith("   2 found, 0:41 of 5:00")


def test_the_bar_fits_any_width() -> None:
    long = step(299, what="unit 240: rest between requests that it needs, at great length")
    assert {len(bar(long, width)) for width in (40, 60, 79)} == {40, 60, 79}
    assert bar(step(0, done=0)).startswith("[....................]")


def test_it_is_drawn_over_and_over_and_taken_away() -> None:
    out = Terminal()
    screen = Screen(out)
    for spent_s in (0.0, 0.01, 0.02, 0.5):
        screen.show(step(spent_s))
    screen.clear()
    assert out.getvalue().count("\r[") == 2
    assert out.getvalue().endswith("\r\x1b[K")


def test_nothing_is_drawn_where_nobody_looks() -> None:
    out = io.StringIO()
    screen = Screen(out)
    screen.say("one line")
    screen.show(step(0.0))
    screen.clear()
    assert out.getvalue() == "one line\n"
