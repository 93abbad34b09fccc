"""What a driver is: the module that knows one protocol, what a profile of it says, and how its devices are asked.

A driver is a module with an attribute ``DRIVER``: one of ``siloscope_edge.drivers``, or of another distribution that
names it as an entry point of the group ``siloscope.edge.drivers``. See docs/drivers.md.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from siloscope_edge.alarms.outputs import DeviceOutput
from siloscope_edge.errors import Trouble
from siloscope_edge.instruments import Device, Instrument
from siloscope_edge.ports import InstrumentBus
from siloscope_edge.profiles import Profile
from siloscope_edge.wires import Line
from siloscope_process.clock import Clock
from siloscope_process.documents import Document
from siloscope_process.expectations import Place

Note = Callable[[str, Trouble], None]
"""Counts a trouble with a device."""

OpenBus = Callable[[Any, Sequence[Instrument], Clock, Note], InstrumentBus]


def _nothing_more(_profile: Any, _document: Document) -> None:
    """Check nothing beyond what the structs say."""


def _no_output(_output: Any, _document: Document, _place: Place) -> None:
    """Check nothing beyond what the struct says."""


class Driver(Struct, frozen=True, kw_only=True):
    """One protocol.

    Attributes:
        name: What a profile has behind ``protocol:``; the names of its lines begin with it.
        summary: One line for people.
        profile: Struct of a profile of this protocol.
        device: Struct of a device in the configuration.
        lines: The kinds of line on which it is spoken, by their names in the configuration.
        bus: Makes the port of a line.
        asks: Says which requests bring a profile's channels.
        check: Refuses a profile that its struct alone cannot.
        output: Struct of an output of its devices, where its bus is an `OutputBus`; None: nothing can be switched.
        check_output: Refuses an output that its struct alone cannot.
        notes: What else a writer of a profile must know, as Markdown.
    """

    name: str
    summary: str
    profile: type[Profile]
    device: type[Device]
    lines: Mapping[str, type[Line]]
    bus: OpenBus
    asks: Callable[[Any], Sequence[str]]
    check: Callable[[Any, Document], None] = _nothing_more
    output: type[DeviceOutput] | None = None
    check_output: Callable[[Any, Document, Place], None] = _no_output
    notes: str = ""
