"""Samples as line protocol, precision milliseconds: a point per reading, the same point however often it is made."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from siloscope_process.clock import to_ms
from siloscope_store.channels import reason_of
from siloscope_store.mirror import MirroredChannel, Sample

_MEASUREMENT = str.maketrans({",": r"\,", " ": r"\ "})
_TAG = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})


def head(channel: MirroredChannel) -> str:
    """Return measurement and tags: all of a line that comes before its fields."""
    names = ("org", "site", "node", "device", "channel", "unit")
    tags = ",".join(f"{name}={getattr(channel, name).translate(_TAG)}" for name in names if getattr(channel, name))
    return f"{channel.quantity.translate(_MEASUREMENT)},{tags}"


class Heads:
    """Heads of lines by group and position.

    Args:
        channels: Of the groups that samples come from.
    """

    def __init__(self, channels: Iterable[MirroredChannel]) -> None:
        self._groups: dict[int, list[tuple[int, int, str]]] = {}
        for each in channels:
            self._groups.setdefault(each.group_id, []).append((each.position, each.org_id, head(each)))

    def lines(self, samples: Iterable[Sample]) -> Iterator[tuple[int, str]]:
        """Yield each reading as (organisation, line)."""
        groups: Mapping[int, Sequence[tuple[int, int, str]]] = self._groups
        for group_id, time, values, quality in samples:
            stamp = to_ms(time)
            length = len(values)
            for position, org_id, start in groups.get(group_id, ()):
                if position >= length:
                    continue
                value = values[position]
                code = quality[position] if quality is not None and position < len(quality) else None
                if value is not None and not code:
                    yield org_id, f"{start} value={value!r},quality=0i {stamp}"
                elif value is not None:
                    yield org_id, f'{start} value={value!r},quality={code}i,reason="{reason_of(code or 0)}" {stamp}'
                elif code is not None:
                    yield org_id, f'{start} quality={code}i,reason="{reason_of(code)}" {stamp}'
