"""The compiled module, as Python sees it: each function does what `siloscope_ingest.folding` says."""

from typing import Any

def fold(
    rows: list[tuple[Any, int, bytes]],
    at: int,
    overtaken_ms: int,
    into: tuple[
        int,
        set[int],
        tuple[dict[tuple[int, int], bytes], ...],
        dict[int, int],
        dict[int, tuple[Any, int, bytes]],
        set[int],
        set[int],
    ],
    /,
) -> int:
    """Fold rows into a batch, as `siloscope_ingest.folding.fold_plainly` does.

    Raises:
        TypeError: Something is not of the type that is named here.
        ValueError: A part's table is none of those; spans are shorter than a second, or tables more than a hundred.
        OverflowError: A number is beyond 64 bits.
    """

def incoming(
    tables: tuple[dict[tuple[int, int], bytes], ...],
    whole: dict[int, tuple[Any, int, bytes]],
    several: set[int],
    apart: dict[int, Any],
    /,
) -> tuple[list[list[bytes]], int]:
    """Return rows for the database, as `siloscope_ingest.folding.incoming_plainly` does.

    Raises:
        TypeError: Something is not of the type that is named here.
        ValueError: A row does not begin with a group and a time.
        OverflowError: A number is beyond 64 bits.
    """

def accounted(numbers: dict[tuple[int, str], int | list[int]], /) -> list[bytes] | None:
    """Return the rows of numbers, as `siloscope_store.ledger.accounted_rows` makes them; None for epochs unlike others.

    Raises:
        TypeError: Something is not of the type that is named here.
        OverflowError: A number is beyond 64 bits, or is the last of them; or a node is no int4.
    """

def learn(newest: dict[int, int], whole: dict[int, tuple[Any, int, bytes]], /) -> None:
    """Note the times of rows by their groups, as `siloscope_ingest.folding.learn_plainly` does.

    Raises:
        TypeError: Something is not of the type that is named here.
        ValueError: Both are one.
        OverflowError: A time is beyond 64 bits.
    """
