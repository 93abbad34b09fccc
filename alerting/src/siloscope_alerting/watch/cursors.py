"""Where an evaluator stopped: a snapshot, of which database, and what that one's clock said."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cursor:
    """A place in what was committed.

    Attributes:
        generation: Of the store: in another one the snapshot means nothing.
        at_ms: The server's clock when it was taken.
        snapshot: What was committed by then.
    """

    generation: str
    at_ms: int
    snapshot: str

    @classmethod
    def read(cls, text: str | None) -> "Cursor | None":
        """Return a cursor that was kept; None where there is none, or one of a form that is not ours.

        >>> Cursor.read("g|5|1:2:") == Cursor("g", 5, "1:2:")
        True
        """
        parts = (text or "").split("|")
        if len(parts) != 3 or not parts[1].isdigit():
            return None
        return cls(parts[0], int(parts[1]), parts[2])

    def text(self) -> str:
        """Return it as it is kept."""
        return f"{self.generation}|{self.at_ms}|{self.snapshot}"
