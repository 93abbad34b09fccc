"""Looking into a spool from outside: every sample that is still in it, and whether it is known to be committed."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from siloscope_edge.epochs import ordinal_of, seq_of
from siloscope_edge.packing import unpacked
from siloscope_edge.spool_file import FILE_NAME, SQL, connect, translated_errors
from siloscope_edge.spool_reading import read_epochs


class SpooledReading(Struct, frozen=True):
    """A reading in the spool, with the numbers of its pack; a time below 2^28 s counts from the boot, undated yet."""

    device: str
    channel: str
    time_ms: int
    value: float | None
    quality: int
    epoch: str
    seq: int
    state: str


class SpooledGap(Struct, frozen=True):
    """A gap record in the spool, with the numbers of its pack."""

    gap: str
    from_ms: int
    to_ms: int
    first_seq: int | None
    last_seq: int | None
    of_epoch: str | None
    device: str | None
    count: int | None
    detail: str
    epoch: str
    seq: int
    state: str


def records(directory: Path) -> Iterator[SpooledReading | SpooledGap]:
    """Yield all that is spooled, in the order of numbering.

    Raises:
        SpoolUnusable: The file is damaged, or there is none.
        SpoolFull: The file cannot be read now.
    """
    with closing(connect(directory / FILE_NAME, read_only=True)) as connection, translated_errors():
        epochs = {state.ordinal: state for state in read_epochs(connection)}
        for number, payload in connection.execute(SQL["packs"]):
            epoch, seq = epochs[ordinal_of(number)], seq_of(number)
            state = "committed" if seq in epoch.accounted else "pending"
            pack = unpacked(bytes(payload))
            for sample in pack.samples:
                for name, value, quality in zip(sample.names, sample.values, sample.quality, strict=True):
                    yield SpooledReading(sample.device, name, sample.time_ms, value, quality, epoch.epoch, seq, state)
            for gap in pack.gaps:
                yield SpooledGap(
                    gap.kind,
                    gap.from_ms,
                    gap.to_ms,
                    gap.first_seq,
                    gap.last_seq,
                    gap.epoch,
                    gap.device,
                    gap.count,
                    gap.detail,
                    epoch.epoch,
                    seq,
                    state,
                )
