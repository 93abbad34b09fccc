"""The agent's data directory: one agent at a time, and a spool that can be opened."""

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

from siloscope_contract.gaps import Gap, GapKind
from siloscope_edge.clock_guard import TimeSource
from siloscope_edge.config import SpoolLimits
from siloscope_edge.errors import EdgeError, SpoolFull, SpoolUnusable
from siloscope_edge.instants import is_since_boot
from siloscope_edge.spool import Spool
from siloscope_edge.spool_file import FILE_NAME, connect, set_aside
from siloscope_edge.spool_reading import newest_sample_ms, read_epochs
from siloscope_process.clock import Clock
from siloscope_process.errors import Unavailable, WrongSetting

_log = structlog.get_logger(__name__)
_LOCK = "agent.lock"


@contextmanager
def claimed(directory: Path) -> Iterator[None]:
    """Hold the directory: two agents on one spool would number against each other.

    Raises:
        WrongSetting: It cannot be made or written.
        Unavailable: Another agent holds it.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise WrongSetting(f"data_directory {directory}: {error.strerror}; expected one that can be written") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Unavailable(f"data_directory {directory}: another agent uses it") from None
        with suppress(OSError):  # a full disk; only who asks for diagnostics wants to know
            os.ftruncate(lock, 0)
            os.write(lock, b"%d" % os.getpid())
        yield
    finally:
        os.close(lock)


def open_spool(
    directory: Path,
    limits: SpoolLimits,
    clock: Clock,
    damage: str | None = None,
    source: TimeSource | None = None,
    evicts: Iterable[str] = (),
) -> tuple[Spool, list[Gap]]:
    """Open the spool; a damaged file is set aside, reported, and a new one started.

    Args:
        directory: Where its file is.
        limits: How it uses the disk.
        clock: Tells when.
        damage: What a running agent met in it, where one did: a large file is not checked whole at its opening.
        source: The machine's clocks, where instants count from the boot until they are dated.
        evicts: Devices whose samples are evicted from a full spool, never thinned out.

    Returns:
        The spool, and gap records for what the previous start may have lost.

    Raises:
        SpoolFull: The disk does not let it be opened now.
    """
    now_ms, boot = (clock.now_ms(), "") if source is None else (source.boot_ms(), source.boot)
    if damage is None:
        try:
            with _room_told(directory):
                spool = Spool(directory, limits, now_ms, boot, evicts)
        except SpoolUnusable as error:
            damage = str(error)
        else:
            return spool, _agent_off(spool.last_sample_ms, now_ms)
    file = directory / FILE_NAME
    gaps = _declared_lost(file, now_ms)
    kept = set_aside(file, f"{clock.now():%Y%m%dT%H%M%S%f}")
    _log.error("spool_damaged", detail=damage, kept_as=str(kept), declared_lost=len(gaps))
    with _room_told(directory):
        return Spool(directory, limits, now_ms, boot, evicts), gaps


@contextmanager
def _room_told(directory: Path) -> Iterator[None]:
    """Say how much room there is, where a spool cannot be opened: a full disk is now and then told as an I/O error."""
    try:
        yield
    except SpoolFull as error:
        room = shutil.disk_usage(directory)
        raise SpoolFull(f"{error}; {room.free / 1e6:.1f} of {room.total / 1e6:.0f} MB are free") from error


def _agent_off(last_sample_ms: int | None, now_ms: int) -> list[Gap]:
    if last_sample_ms is None:
        return []
    # A clock may be behind at first; an instant without a date gets one that is not before where the gap begins.
    to_ms = now_ms if is_since_boot(now_ms) else max(now_ms, last_sample_ms + 1)
    return [Gap(GapKind.AGENT_OFF, last_sample_ms + 1, to_ms, detail="from the last spooled sample to this start")]


def _declared_lost(file: Path, now_ms: int) -> list[Gap]:
    """Return gap records for what a damaged file held uncommitted, as far as it can still be read."""
    gaps: list[Gap] = []
    last_ms: int | None = None
    with suppress(EdgeError, ValueError, OSError):
        connection = connect(file, read_only=True)
        try:
            with suppress(EdgeError):
                last_ms = newest_sample_ms(connection)
            for state in read_epochs(connection):
                for first, end in state.owed.shifted(-state.base).ranges():
                    gaps.append(
                        Gap(
                            GapKind.EVICTED,
                            last_ms or now_ms,
                            now_ms,
                            state.epoch,
                            first,
                            end - 1,
                            detail="the spool's file was damaged",
                        )
                    )
        finally:
            connection.close()
    off_from_ms = last_ms if last_ms is not None else now_ms
    to_ms = now_ms if is_since_boot(now_ms) else max(now_ms, off_from_ms)
    return [*gaps, Gap(GapKind.AGENT_OFF, off_from_ms, to_ms, detail="the spool's file was damaged")]
