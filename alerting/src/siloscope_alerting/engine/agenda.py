"""When time alone may change something next, subject by subject."""

import heapq
from collections.abc import Iterator


class Agenda:
    """Subjects by the time at which they are to be looked at; each has one time at most."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int]] = []
        self._due: dict[int, int] = {}

    def put(self, subject: int, due_ms: int | None) -> None:
        """Look at a subject at a time, and at no other; None = never."""
        if due_ms is None:
            self._due.pop(subject, None)
        elif self._due.get(subject) != due_ms:
            self._due[subject] = due_ms
            heapq.heappush(self._heap, (due_ms, subject))

    def take_due(self, now_ms: int) -> Iterator[int]:
        """Yield the subjects whose time has come, and forget it."""
        while self._heap and self._heap[0][0] <= now_ms:
            due_ms, subject = heapq.heappop(self._heap)
            if self._due.get(subject) == due_ms:
                del self._due[subject]
                yield subject
