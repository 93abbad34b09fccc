"""Messages as nodes send them."""

import json
from collections.abc import Sequence

from siloscope_contract.births import (
    Birth,
    ChannelBirth,
    DeviceBirth,
    EpochSpan,
    GroupBirth,
    RetentionClass,
    encode,
)
from siloscope_contract.gaps import Gap
from siloscope_contract.packs import Epoch, Pack, Sample
from siloscope_contract.packs import encode as encode_pack
from siloscope_contract.topics import Kind, NodeName, Topic

EPOCH = Epoch("0123456789abcdef" * 2)
OTHER_EPOCH = Epoch("fedcba9876543210" * 2)
NODE = NodeName.of("demo", "north-farm", "yard-pi")
SAMPLES = Topic(NODE, Kind.SAMPLES).text()
BIRTH, HEARTBEAT, STATUS = (Topic(NODE, kind).text() for kind in (Kind.BIRTH, Kind.HEARTBEAT, Kind.STATUS))


def pack(
    seq: int | None,
    time_ms: int,
    *values: float | None,
    device: str = "bin1-head1",
    epoch: Epoch = EPOCH,
    names: Sequence[str] = (),
    unit: str = "Cel",
    gaps: Sequence[Gap] = (),
) -> bytes:
    """A pack of one sample; channels are t1, t2, … unless named; None is a sensor that is missing."""
    keys = tuple(names) or tuple(f"t{at}" for at in range(1, len(values) + 1))
    units = tuple(None if value is None else unit for value in values)
    codes = [202 if value is None else 0 for value in values]
    samples = [Sample(device, time_ms, keys, units, list(values), codes)] if values else []
    return encode_pack(Pack(epoch if seq else None, seq, samples, gaps=list(gaps)))


def relative(value: float, device: str = "probe") -> bytes:
    """A message without a time, as a simple device sends it."""
    return json.dumps([{"n": f"{device}/temperature", "u": "Cel", "v": value}]).encode()


def birth(
    session: str,
    epochs: Sequence[EpochSpan] = (),
    *,
    store: str | None = None,
    generation: str | None = None,
    committed: dict[str, int] | None = None,
) -> bytes:
    """A birth of a node with one cable head: eight temperatures, and the head's own voltage among the vitals."""
    temperatures = [ChannelBirth(f"t{at}", "temperature", "Cel", resolution=0.1) for at in range(1, 9)]
    groups = [
        GroupBirth("main", 10, RetentionClass.MEASUREMENTS, temperatures),
        GroupBirth("vitals", 60, RetentionClass.VITALS, [ChannelBirth("supply", "voltage", "V", low=4.5)]),
    ]
    device = DeviceBirth("bin1-head1", "r4dcb08", "Bin 1 cable 1", groups)
    return encode(
        Birth(
            session=session,
            software="edge 1.0",
            store=store,
            generation=generation,
            committed=committed or {},
            epochs=list(epochs),
            devices=[device],
        )
    )
