"""A device's parts, asked for one after the other: what each brought, or why not."""

from collections.abc import Awaitable, Callable

import pytest

from siloscope_contract.quality import Quality
from siloscope_edge.asking import all_of
from siloscope_edge.errors import PortUnavailable, ReadFailed

TORN = ReadFailed(Quality.INVALID_FRAME, "torn", answered=True)
SILENT = ReadFailed(Quality.COMM_FAILURE, "silent", answered=False)
GONE = PortUnavailable("gone")


def parts(told: str, asked: list[int]) -> dict[int, Callable[[], Awaitable[str]]]:
    """Return parts that bring a letter, are torn (``t``), silent (``s``), or find the port gone (``g``)."""

    async def ask(at: int) -> str:
        asked.append(at)
        for letter, error in (("t", TORN), ("s", SILENT), ("g", GONE)):
            if told[at] == letter:
                raise error
        return told[at]

    return {at: lambda at=at: ask(at) for at in range(len(told))}  # type: ignore[misc]  # it is bound for each


@pytest.mark.parametrize(
    ("told", "found", "asked"),
    [
        ("ab", "ab", 2),
        ("atb", "a?b", 3),  # a part that is refused leaves the others standing
        ("asb", "a??", 2),  # silence ends the asking, not what was had
        ("agb", "a??", 2),
        ("tab", "?ab", 3),
    ],
)
async def test_what_was_had_stands(told: str, found: str, asked: int) -> None:
    was_asked: list[int] = []
    answers = await all_of(parts(told, was_asked))
    assert "".join("?" if isinstance(each, ReadFailed) else each for each in answers.values()) == found
    assert len(was_asked) == asked


@pytest.mark.parametrize(("told", "error"), [("s", SILENT), ("ts", SILENT), ("tt", TORN), ("ga", GONE), ("sa", SILENT)])
async def test_where_nothing_was_had_that_is_said(told: str, error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        await all_of(parts(told, []))
    assert raised.value is error
