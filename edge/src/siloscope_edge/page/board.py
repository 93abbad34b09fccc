"""What was last seen of each device: its sample, the last good values of what failed, troubles, time of answers.

No I/O. It is told of every reading on the path of polling, so it does as little as it can.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from siloscope_contract.packs import Sample
from siloscope_contract.quantities import QUANTITIES
from siloscope_edge.errors import Trouble
from siloscope_edge.page.history import DeviceHistory, bytes_of, placed, step_for
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
        keys: Its channels; those of the newest sample until it is known which are expected.
        time_ms: When it was read last, since the boot; None: never.
        values: By channel.
        quality: By channel; None where the device did not tell it.
        good: By position of a channel that has no value now: the value that it last had, and when that was read.
        answers: How long it took.
        troubles: What went wrong on its line, how often.
        history: Its day; None where there is no memory for it.
    """

    keys: tuple[str, ...] = ()
    time_ms: int | None = None
    values: Sequence[float | None] = ()
    quality: Sequence[int | None] = ()
    good: dict[int, tuple[float, int]] = field(default_factory=dict)
    answers: Answers = field(default_factory=Answers)
    troubles: dict[Trouble, int] = field(default_factory=dict)
    history: DeviceHistory | None = None

    def take(self, sample: Sample) -> None:
        """Take the newest sample."""
        values: Sequence[float | None] = sample.values
        quality: Sequence[int | None] = sample.quality
        if not self.keys:
            self.keys = sample.names
        elif sample.names != self.keys:
            values, quality = placed(sample, self.keys)
        if None in values and self.time_ms is not None:
            for at, (was, value) in enumerate(zip(self.values, values, strict=True)):
                if value is None and was is not None:
                    self.good[at] = (was, self.time_ms)
        self.time_ms, self.values, self.quality = sample.time_ms, values, quality
        if self.history is not None:
            self.history.add(sample.time_ms, values, quality)


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
        for name, channels in devices.items():
            keys = tuple(each.key for each in channels)
            seen = self._seen.get(name)
            if seen is None or seen.keys != keys:  # new, or another one of that name
                seen = self._seen[name] = Seen(keys)
            if seen.history is None and self._fits(len(channels)):
                assert self.step_s is not None, "nothing fits without a step"
                circular = [at for at, each in enumerate(channels) if QUANTITIES[each.quantity].circular]
                seen.history = DeviceHistory(len(channels), self.step_s, circular)

    def _fits(self, channels: int) -> bool:
        return self.step_s is not None and self._taken() + bytes_of(channels, self.step_s) <= self._history_bytes

    def _taken(self) -> int:
        return sum(
            bytes_of(each.history.channels, each.history.step_s)
            for each in self._seen.values()
            if each.history is not None
        )
