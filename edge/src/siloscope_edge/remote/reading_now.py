"""Reading devices at once because somebody asks: through the owner of their bus, between two of its polls."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any

from msgspec import Meta, Struct

from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality
from siloscope_edge.errors import PortUnavailable
from siloscope_edge.readers import Readers
from siloscope_edge.remote.commanding import Answer, ArgumentsWrong
from siloscope_process.expectations import nearest

MOST_DEVICES = 64
WITHIN_S = 60.0


class ReadNow(Struct, frozen=True, forbid_unknown_fields=True):
    """Which devices; all, if there are not too many, where none is named."""

    devices: Annotated[tuple[str, ...], Meta(max_length=MOST_DEVICES)] = ()


class NowReader:
    """Reads now.

    Args:
        readers: Who reads the buses.
        dated: Gives a sample its date.
    """

    def __init__(self, readers: Readers, dated: Callable[[Sample], Sample]) -> None:
        self._readers = readers
        self._dated = dated

    async def read(self, asked: ReadNow) -> Answer:
        """Return what the devices say; what they said goes to the spool as always.

        Raises:
            ArgumentsWrong: There is no such device, or too many.
        """
        known = [each.name for found in self._readers.installation.instruments.values() for each in found]
        names = list(dict.fromkeys(asked.devices)) or known
        if unknown := [each for each in names if each not in known]:
            raise ArgumentsWrong(f"devices: found {unknown[0]!r}, expected {nearest(known, unknown[0])}")
        if len(names) > MOST_DEVICES:
            raise ArgumentsWrong(f"devices: found {len(names)}, expected at most {MOST_DEVICES}: name some")
        answers = await asyncio.gather(*map(self._one, names))
        return Answer({"devices": dict(zip(names, answers, strict=True))})

    async def _one(self, name: str) -> dict[str, Any]:
        owner = self._readers.owner_of(name)
        if owner is None:
            return {"error": "it is not read any more"}
        try:
            sample = self._dated(await owner[0].read_now(name, WITHIN_S))
        except (KeyError, PortUnavailable):
            return {"error": "it is not read any more"}
        except TimeoutError:
            return {"error": f"its bus was busy for {WITHIN_S:g} s"}
        readings = {
            key: {"value": value, "unit": unit, "reason": Quality(quality).reason}
            for key, value, unit, quality in zip(sample.names, sample.values, sample.units, sample.quality, strict=True)
        }
        return {"time_ms": sample.time_ms, "readings": readings}
