"""The file at the site, and what becomes of it with a document from afar on top. No I/O but reading that file."""

import copy
import hashlib
from pathlib import Path
from typing import Any

import msgspec

from siloscope_contract.desired import MQTT_FIELDS, SECTIONS, require_sections
from siloscope_contract.errors import ContractError
from siloscope_edge import installation
from siloscope_edge.config import Bus
from siloscope_edge.errors import Misconfigured
from siloscope_edge.installation import Installation
from siloscope_edge.instruments import Instrument
from siloscope_process.documents import Document


class NotApplicable(Exception):
    """A document cannot be put on top of this file; the message is the reason."""


class SiteFile:
    """The agent's configuration file as it was at the start of this agent.

    Args:
        file: Where it is.

    Raises:
        Misconfigured: It cannot be read.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._data: Any = Document.read(file, Misconfigured).data
        data = self._data if isinstance(self._data, dict) else {}
        self.fingerprint = fingerprint(data)

    def alone(self) -> Installation:
        """Return what the file says.

        Raises:
            Misconfigured: Something in it cannot be meant.
        """
        return installation.read(self.file)

    def with_document(self, document: dict[str, Any], version: int) -> Installation:
        """Return what counts with a document on top: it is refused in the words in which the file would be.

        Raises:
            NotApplicable: At which place, what was found and what was expected.
        """
        try:
            require_sections(document)
            merged = Document("", Path(f"version {version}"), Misconfigured)
            merged.data = _laid_over(self._data, document)
            return installation.checked(merged, self.file.absolute().parent)
        except (ContractError, Misconfigured) as error:
            raise NotApplicable(str(error)) from error

    def running(self, document: dict[str, Any]) -> str:
        """Return the fingerprint of what counts with a document on top."""
        return fingerprint(_laid_over(self._data, document))


def fingerprint(data: dict[str, Any]) -> str:
    """Return what identifies those parts of a configuration that may be set from afar."""
    parts = {name: data[name] for name in SECTIONS if name in data and name != "mqtt"}
    mqtt = data.get("mqtt")
    if isinstance(mqtt, dict):
        parts["mqtt"] = {name: mqtt[name] for name in MQTT_FIELDS if name in mqtt}
    plain = msgspec.json.encode(msgspec.to_builtins(parts), order="deterministic")
    return hashlib.sha256(plain).hexdigest()[:16]


def differing(before: Installation, after: Installation) -> list[tuple[Bus, Instrument]]:
    """Return the devices that are new, or read otherwise than before, each with its bus."""
    known = {
        instrument.name: (bus.kind, bus.line, instrument)
        for bus in before.config.buses
        for instrument in before.instruments[bus.name]
    }
    return [
        (bus, instrument)
        for bus in after.config.buses
        for instrument in after.instruments[bus.name]
        if known.get(instrument.name) != (bus.kind, bus.line, instrument)
    ]


def channels_that_change(before: Installation, after: Installation) -> list[str]:
    """Return why devices cannot keep their names: a channel of theirs would become one of another quantity or unit.

    What is spooled of the old channel would meet the new one in the database, and each would take the other's place.
    """
    known = {instrument.name: instrument for each in before.instruments.values() for instrument in each}
    found = []
    for instrument in (each for instruments in after.instruments.values() for each in instruments):
        if (was := known.get(instrument.name)) is None:
            continue
        old = {channel.key: f"{channel.quantity} in {channel.unit}" for channel in was.profile.channels}
        for channel in instrument.profile.channels:
            new = f"{channel.quantity} in {channel.unit}"
            if old.get(channel.key, new) != new:
                place = f"device {instrument.name}, channel {channel.key}"
                found.append(f"{place}: found {new}, expected {old[channel.key]} as before, or another device name")
    return found


def _laid_over(data: Any, document: dict[str, Any]) -> dict[str, Any]:
    merged: dict[str, Any] = copy.deepcopy(data)
    for name, value in copy.deepcopy(document).items():
        merged[name] = {**merged.get(name, {}), **value} if name == "mqtt" else value
    return merged
