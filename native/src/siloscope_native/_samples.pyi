"""The compiled module, as Python sees it."""

from typing import Any

class Form:
    """What samples of one kind share, whoever sends them: the text around their numbers, and their rows."""

    def __new__(
        cls,
        pieces: tuple[bytes, ...],
        rows: tuple[bytes, ...],
        places: tuple[tuple[int, int, float, float, float, float, float], ...],
        width: int,
        /,
    ) -> Form:
        """
        Args:
            pieces: The text before each number, and that behind the last one; one more than numbers.
            rows: The rows, of which group, time and numbers are written anew for each sample.
            places: Of each number: the row that it goes to and the byte where its eight stand there, the lowest and the
                highest value that is taken, and factor, divisor and offset of its unit: what is stored is
                `value * factor / divisor + offset`.
            width: How many readings a sample has, failed ones too.

        Raises:
            ValueError: A place is none, or these do not go together.
        """

class Recipe:
    """A form as one device of one node sends it."""

    @property
    def form(self) -> Form:
        """What it shares with others."""

    def __new__(cls, form: Form, device: str, parts: tuple[Any, ...], group_ids: tuple[int, ...], /) -> Recipe:
        """
        Args:
            form: What it shares with others.
            device: Whose it is: two samples of one device at one time are left to the general decoder.
            parts: What is handed out beside each row.
            group_ids: The group of each row.

        Raises:
            ValueError: These are not as many as the form has rows, or a group is no int4.
        """

def read(
    document: bytes, recipes: dict[bytes, tuple[Recipe, ...]], first_ms: int, last_ms: int, /
) -> tuple[str | None, int | None, list[tuple[Any, int, bytes]], int] | None:
    """Read a JSON document of samples, all of which fit a recipe.

    Args:
        document: Not compressed.
        recipes: By base name; those of one base name are tried in turn.
        first_ms: Samples before this time are left to the general decoder, milliseconds since 1970 UTC.
        last_ms: And so are samples after this one.

    Returns:
        Epoch and number of the pack, both None without; (part, time in milliseconds, row) of each row, in the order of
        the document; how many readings these are. None where anything in the document is not as in a recipe.
    """
