"""Columns of text for a terminal."""

from collections.abc import Iterable, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows under their heads, each column as wide as its widest cell.

    >>> print(table(("rule", "open"), [("hot", 1)]), end="")
    rule  open
    hot   1
    """
    cells = [list(heads), *([shown(str(cell)) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells)
    return "".join(f"{line}\n" for line in lines)


def shown(text: str) -> str:
    """Return text that does nothing to a terminal, whoever wrote it."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
