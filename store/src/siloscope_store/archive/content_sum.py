"""The sum of what an archive file holds. The file carries it: so damage is told where no database knows the file."""

import hashlib
import json
from array import array
from collections.abc import Mapping

from siloscope_store.archive.samples import ChannelName, GroupName, Sample

Channels = Mapping[tuple[GroupName, int], ChannelName]


class ContentSum:
    """A SHA-256 over what a file says of itself, its samples in order, and the channels at their positions.

    Args:
        about: What the file says of itself.
    """

    def __init__(self, about: Mapping[str, str]) -> None:
        self._sum = hashlib.sha256(_text(sorted(about.items())))
        self._group: GroupName | None = None

    def add(self, sample: Sample) -> None:
        """Take in the next sample."""
        group, time_us, values, quality = sample
        if group != self._group:
            self._group = group
            self._sum.update(_text(group))
        there = [value for value in values if value is not None]
        missing = [at for at, value in enumerate(values) if value is None] if len(there) < len(values) else []
        self._sum.update(b"%d %d %a %a" % (time_us, len(values), missing, quality))
        self._sum.update(array("d", there))

    def hexdigest(self, channels: Channels) -> str:
        """Return the sum of what was taken in, and of these channels."""
        whole = self._sum.copy()
        whole.update(_text(sorted((*group, position, *channel) for (group, position), channel in channels.items())))
        return whole.hexdigest()


def _text(said: object) -> bytes:
    return json.dumps(said).encode()
