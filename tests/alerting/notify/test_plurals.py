"""The form of a word that goes with a number."""

import pytest

from siloscope_alerting.notify.plurals import plural


@pytest.mark.parametrize(("number", "form"), [(0, "sensors"), (1, "sensor"), (2, "sensors"), (21, "sensors")])
def test_english_has_two(number: int, form: str) -> None:
    assert plural(number, "sensor", "sensors") == form


@pytest.mark.parametrize(
    ("number", "form"),
    [(0, "датчиків"), (1, "датчик"), (2, "датчики"), (4, "датчики"), (5, "датчиків"), (11, "датчиків"),
     (12, "датчиків"), (14, "датчиків"), (21, "датчик"), (22, "датчики"), (111, "датчиків"),
     (400, "датчиків"), (412, "датчиків")],
)  # fmt: skip
def test_ukrainian_has_three(number: int, form: str) -> None:
    assert plural(number, "датчик", "датчики", "датчиків") == form
