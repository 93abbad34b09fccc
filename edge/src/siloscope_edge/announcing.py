"""What the node says of itself: births, heartbeats, statuses. No I/O."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version

import msgspec

from siloscope_contract.births import (
    Birth,
    ChannelBirth,
    ClockState,
    DeviceBirth,
    EpochSpan,
    GroupBirth,
    RetentionClass,
)
from siloscope_edge import vitals
from siloscope_edge.alarms import channels
from siloscope_edge.config import VITALS_DEVICE
from siloscope_edge.installation import Installation
from siloscope_edge.instruments import Instrument
from siloscope_edge.machine import THIS_MACHINE, Machine
from siloscope_edge.profiles import Channel
from siloscope_edge.watermark import Generation

PAGE_BYTES = 48 * 1024
MAX_EPOCHS = 64
"""Epochs that one message names: the newest. Older ones are named as soon as these are committed."""


def devices(installation: Installation, machine: Machine = THIS_MACHINE) -> list[DeviceBirth]:
    """Return the devices of an installation as they are announced, the agent itself among them."""
    found = [_device(each) for instruments in installation.instruments.values() for each in instruments]
    period_s = installation.config.vitals_period_s
    if period_s:
        group = GroupBirth(
            "vitals", period_s, RetentionClass.VITALS, [_channel(each) for each in vitals.channels(machine)]
        )
        found.append(DeviceBirth(VITALS_DEVICE, VITALS_DEVICE, "Edge agent", [group]))
    return found + channels.announced(installation.config.alarms, installation.outputs)


def births(
    announced: Sequence[DeviceBirth],
    session: str,
    spans: Sequence[EpochSpan],
    committed: Mapping[str, int],
    generation: Generation | None,
    clock: ClockState = ClockState.UNKNOWN,
) -> list[Birth]:
    """Return the pages of a birth, each small enough for any broker."""
    pages: list[list[DeviceBirth]] = [[]]
    size = 0
    for device in announced:
        length = len(msgspec.json.encode(device))
        if pages[-1] and size + length > PAGE_BYTES:
            pages.append([])
            size = 0
        pages[-1].append(device)
        size += length
    named = list(spans)[-MAX_EPOCHS:]
    return [
        Birth(
            session=session,
            software=f"siloscope-edge {version('siloscope-edge')}",
            store=generation.store if generation is not None else None,
            generation=generation.generation if generation is not None else None,
            committed={span.epoch: committed[span.epoch] for span in named if span.epoch in committed},
            clock=clock,
            epochs=named,
            devices=page,
            page=at,
            pages=len(pages),
        )
        for at, page in enumerate(pages, start=1)
    ]


def _device(instrument: Instrument) -> DeviceBirth:
    channels = [_channel(channel) for channel in instrument.profile.channels]
    interval_s = max(instrument.period_s, instrument.profile.heartbeat_s or 0.0)
    group = GroupBirth("main", interval_s, RetentionClass.MEASUREMENTS, channels, instrument.delivery_s)
    title = instrument.device.title or instrument.name
    return DeviceBirth(instrument.name, instrument.profile.profile, title, [group])


def _channel(channel: Channel) -> ChannelBirth:
    low, high = channel.valid if channel.valid is not None else (None, None)
    return ChannelBirth(
        channel.key, channel.quantity, channel.unit, channel.title or channel.key, channel.resolution, low, high
    )
