"""What was last seen of each device: its sample, the last good values of what failed, troubles, time of answers.

No I/O. It is told of every reading on the path of polling, so it does as little as it can.
"""

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field

from siloscope_contract.packs import Sample
from siloscope_contract.quantities import QUANTITIES
from siloscope_edge.errors import Trouble
from siloscope_edge.page.history import DeviceHistory, bytes_of, step_for
from siloscope_edge.polling import Poller
from siloscope_edge.profiles import Channel

_WEIGHT = 0.1
"""Of the newest answer in the mean of answer times: it forgets what was a minute ago, or ten, by the period."""


class Answers(Struct):
    """How long a device takes to answer.

    Attributes:
        polls: How often it was asked.
        last_s: Of the newest poll.
        mean_s: Of the newest ones, fading.
        longest_s: Since the start.
    """

    polls: int = 0
    last_s: float = 0.0
    mean_s: float = 0.0
    longest_s: float = 0.0

    def took(self, took_s: float) -> None:
        """Note a poll."""
        self.mean_s += (took_s - self.mean_s) * (_WEIGHT if self.polls else 1.0)
        self.polls += 1
        self.last_s = took_s
        self.longest_s = max(self.longest_s, took_s)


class Seen(Struct):
    """What was seen of a device.

    Attributes:
        sample: The newest.
        good: By position of a channel that has no value now: the value that it last had, and when that was read.
        answers: How long it took.
        troubles: What went wrong on its line, how often.
        history: Its day; None where there is no memory for it.
    """

    sample: Sample | None = None
    good: dict[int, tuple[float, int]] = field(default_factory=dict)
    answers: Answers = field(default_factory=Answers)
    troubles: dict[Trouble, int] = field(default_factory=dict)
    history: DeviceHistory | None = None

    def take(self, sample: Sample) -> None:
        """Take the newest sample."""
        before = self.sample
        if before is not None:
            if before.names != sample.names:
                self.good.clear()
            elif None in sample.values:
                self._remember(before, sample)
        self.sample = sample
        if self.history is not None:
            self.history.add(sample)

    def _remember(self, before: Sample, sample: Sample) -> None:
        for at, (was, value) in enumerate(zip(before.values, sample.values, strict=True)):
            if value is None and was is not None:
                self.good[at] = (was, before.time_ms)


class Board:
    """All that was seen.

    Args:
        channels: How many are expected in all: they share the memory for charts.
        history_bytes: That memory.
    """

    def __init__(self, channels: int, history_bytes: int) -> None:
        self.step_s = step_for(channels, history_bytes) if history_bytes else None
        self._history_bytes = history_bytes
        self._seen: dict[str, Seen] = {}
        self.pollers: list[Poller] = []
        self.on_change: Callable[[], None] = lambda: None

    def begins(self, poller: Poller) -> None:
        self.pollers.append(poller)

    def ends(self, poller: Poller) -> None:
        self.pollers.remove(poller)

    def saw(self, sample: Sample, took_s: float | None = None) -> None:
        seen = self._seen.get(sample.device)
        if seen is None:
            seen = self._seen[sample.device] = Seen()
        seen.take(sample)
        if took_s is not None:
            seen.answers.took(took_s)

    def trouble(self, device: str, kind: Trouble) -> None:
        """Count a trouble with a device."""
        troubles = self._seen.setdefault(device, Seen()).troubles
        troubles[kind] = troubles.get(kind, 0) + 1

    def of(self, device: str) -> Seen:
        """Return what was seen of a device."""
        return self._seen.get(device) or Seen()

    def expect(self, devices: Mapping[str, Sequence[Channel]]) -> None:
        """Keep a day of these devices, as far as there is memory, and forget all others."""
        for name in [each for each in self._seen if each not in devices]:
            del self._seen[name]
        if self.step_s is None:
            return
        for name, channels in devices.items():
            seen = self._seen.setdefault(name, Seen())
            if seen.history is not None and seen.history.channels == len(channels):
                continue
            seen.history = None
            if self._taken() + bytes_of(len(channels), self.step_s) <= self._history_bytes:
                circular = [at for at, each in enumerate(channels) if QUANTITIES[each.quantity].circular]
                seen.history = DeviceHistory(len(channels), self.step_s, circular)

    def _taken(self) -> int:
        return sum(
            bytes_of(each.history.channels, each.history.step_s)
            for each in self._seen.values()
            if each.history is not None
        )
