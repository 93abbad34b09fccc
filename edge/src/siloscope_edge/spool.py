"""The spool: packs that are numbered, durable, and not sent before they are.

One thread uses a spool. Whatever it raises, nothing of the failed call has happened.
"""

import json
import secrets
from collections.abc import Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from siloscope_contract.births import EpochSpan
from siloscope_contract.gaps import Gap
from siloscope_contract.packs import Epoch, Sample
from siloscope_edge.config import SpoolLimits
from siloscope_edge.dating import (
    KNOWN,
    PROVISIONAL,
    UNDATED,
    date_earlier_boots,
    date_some,
    newest_known_ms,
    read_boot,
    remember_boot,
    undated_numbers,
)
from siloscope_edge.epochs import EpochState, contradicted, first_number
from siloscope_edge.errors import SpoolFull
from siloscope_edge.eviction import Evicted, Targets, evict, trim
from siloscope_edge.instants import BootBase, Stamp
from siloscope_edge.losses import lost, unsendable
from siloscope_edge.packing import PackedPack, packed
from siloscope_edge.reserve import Reserve
from siloscope_edge.spans import Span, Spans
from siloscope_edge.spool_file import FILE_NAME, SQL, connect, fold_journal, transaction, translated_errors, used_bytes
from siloscope_edge.spool_reading import newest_sample_ms, read_epochs, read_generation
from siloscope_edge.thinning import Thinning
from siloscope_edge.watermark import Generation, Verdict

RESERVE_NAME = "spool.reserve"
_EPOCHS_KEPT = 256
_ROOM_PER_PACK = 4096
"""What a pack may take beside its payload: the rest of its last page and its share of the tree."""
_MARKS_INTERVAL_MS = 60_000
"""Marks are written this often, and with every confirmed generation: they are told again at each connect."""


class Written(NamedTuple):
    """What a call of ``write`` changed.

    Attributes:
        spooled: Numbers of the new packs.
        gone: Numbers of packs that were evicted or trimmed.
        evicted: How many of them were not committed.
        sendable: Numbers of packs that may be sent from now on: new ones, and older ones that have got their dates.
        thinned: How many packs were thinned out.
    """

    spooled: Span
    gone: list[Span]
    evicted: int
    sendable: list[Span]
    thinned: int = 0


class Spool:
    """An open spool with an epoch of its own.

    Args:
        directory: Where its file is.
        limits: How it uses the disk.
        now_ms: This instant, as a date or since the boot.
        boot: Id of the boot that instants without a date count from.
        evicts: Devices whose samples are evicted, never thinned out.

    Raises:
        SpoolUnusable: The file is damaged.
        SpoolFull: The disk does not let it be opened now.
    """

    def __init__(
        self, directory: Path, limits: SpoolLimits, now_ms: int, boot: str = "", evicts: Iterable[str] = ()
    ) -> None:
        self._limits = limits
        steps_ms = tuple(sorted(round(step_s * 1000) for step_s in limits.thin_to_s))
        self._thinning = Thinning(steps_ms, frozenset(evicts), limits.pack_form)
        self._boot = boot
        self._connection = connect(directory / FILE_NAME)
        try:
            with suppress(SpoolFull):
                date_earlier_boots(self._connection, boot, limits.pack_form)
            self._undated = undated_numbers(self._connection)
            self._epochs = read_epochs(self._connection)
            self._generation = read_generation(self._connection)
            self.last_sample_ms = newest_sample_ms(self._connection)
            self._reserve = Reserve(directory / RESERVE_NAME, now_ms)
            self._bound = int(min(limits.max_bytes, self._reserve.allowance(self.used_bytes())))
            try:
                self._open_epoch(now_ms)
            except SpoolFull:
                self._squeeze()
                self._open_epoch(now_ms)
        except BaseException:
            self._connection.close()
            raise
        self._marks_written_ms: int | None = None
        self._marks_changed = False

    def evicts(self, devices: Iterable[str]) -> None:
        """Evict samples of these devices from now on, and thin out all others."""
        self._thinning = replace(self._thinning, evicts=frozenset(devices))

    @property
    def epoch(self) -> Epoch:
        """The epoch that this start numbers its packs in."""
        return self._current.epoch

    @property
    def generation(self) -> Generation | None:
        """The database, and the life of it, that the marks are of."""
        return self._generation

    @property
    def spans(self) -> list[EpochSpan]:
        """What is spooled: the epochs that still have packs, and the open one."""
        return [self._span(each) for each in self._epochs if each.lowest < each.next or each is self._current]

    @property
    def assigned(self) -> dict[str, int]:
        """Per epoch, the next seq."""
        return {each.epoch: each.next for each in self._epochs}

    @property
    def committed(self) -> dict[str, int]:
        """Per epoch that is still spooled, the seq below which all is accounted for."""
        return {each.epoch: each.below for each in self._epochs if each.lowest < each.next}

    @property
    def next_number(self) -> int:
        """The number that the next pack gets."""
        return self._current.base + self._current.next

    def owed(self) -> Spans:
        """Return the numbers of all packs that may be sent and are not committed."""
        found = Spans()
        for each in self._epochs:
            found.add_all(each.owed)
        return found.without(self._undated)

    @property
    def boot_base(self) -> BootBase | None:
        """What an earlier start in this boot found out about its clock."""
        return read_boot(self._connection, self._boot)

    @property
    def newest_known_ms(self) -> int | None:
        """The date of the newest sample that a clock dated which was right."""
        return newest_known_ms(self._connection)

    @property
    def undated(self) -> int:
        """How many packs wait for their dates."""
        return len(self._undated)

    def remember(self, base: BootBase) -> None:
        """Remember this boot's clock.

        Raises:
            SpoolFull: The disk takes no more.
            SpoolUnusable: The file is damaged.
        """
        remember_boot(self._connection, base)

    def date(self, stamp: Stamp) -> Spans:
        """Date some of the packs of this boot that wait for it, in one transaction; return their numbers.

        Raises:
            SpoolFull: The disk takes no more; nothing happened.
            SpoolUnusable: The file is damaged.
        """
        for first, _ in self._undated.ranges():
            done = date_some(self._connection, self._boot, first, stamp, self._limits.pack_form)
            self._undated.remove_all(done)
            if done:
                return done
        return Spans()

    def numbers(self, epoch: str, seqs: Spans) -> Spans:
        """Return seqs of an epoch as numbers."""
        state = self._state(epoch)
        return seqs.shifted(state.base) if state is not None else Spans()

    def used_bytes(self) -> int:
        """Return how much of its file is used."""
        with translated_errors():
            return used_bytes(self._connection)

    def write(
        self,
        samples: Sequence[Sample],
        gaps: Sequence[Gap],
        now_ms: int,
        *,
        trim_committed: bool = False,
        squeeze: bool = False,
        known: bool = True,
    ) -> Written:
        """Number, pack and commit samples and gap records, making room where needed.

        Args:
            samples: Go into packs in this order.
            gaps: Go into packs behind them.
            now_ms: This instant, as a date or since the boot.
            trim_committed: Whether a generation was confirmed, so that old committed packs may go.
            squeeze: Make room even below the bound, and stay there: the disk has less to give than the settings say.
            known: Whether the dates in it are by a clock that is right.

        Raises:
            SpoolFull: The disk takes no more.
            SpoolUnusable: The file is damaged.
        """
        if squeeze:
            self._squeeze()
        elif self._bound < self._limits.max_bytes and self._reserve.retake(now_ms):
            self._bound = self._limits.max_bytes
        current = self._current
        packs = packed(samples, gaps, epoch=current.epoch, first_seq=current.next, form=self._limits.pack_form)
        lowest: dict[int, int] = {}
        with transaction(self._connection):
            if trim_committed:
                before_ms = now_ms - int(self._limits.keep_committed_s * 1000)
                held = [each for each in self._epochs if each.lowest < each.next]
                lowest = {each.ordinal: trim(self._connection, each, before_ms) for each in held}
            evicted = self._make_room(packs, lowest)
            steps = {pack.seq: step_ms for pack, step_ms in evicted.kept}
            packs += [pack for pack, _ in evicted.kept]
            following = current.next + len(packs)
            packs += packed([], evicted.gaps, epoch=current.epoch, first_seq=following, form=self._limits.pack_form)
            rows = [_row(current, pack, now_ms, known=known, step_ms=steps.get(pack.seq, 0)) for pack in packs]
            self._connection.executemany(SQL["insert_pack"], rows)
            lowest |= evicted.lowest
            marks_written = self._write_marks(now_ms, current.next + len(packs), force=bool(lowest))
        return self._after_write(packs, lowest, evicted, now_ms if marks_written else None)

    def is_contradicted_by(self, verdict: Verdict) -> bool:
        """Say whether a believed mark lacks what its generation said before to hold."""
        return contradicted(self._epochs, verdict)

    def account(self, verdict: Verdict, generation: Generation, now_ms: int) -> Written | None:
        """Take in a believed watermark.

        What a new generation lacks and the spool no longer has is declared in the same transaction that confirms the
        generation: nobody asks about it a second time.

        Returns:
            The packs with those gap records, where there are any.

        Raises:
            SpoolFull: The disk takes no more; nothing happened.
            SpoolUnusable: The file is damaged.
        """
        fresh = generation != self._generation
        held = {each.ordinal: Spans() if fresh else each.accounted for each in self._epochs}
        for each in self._epochs:
            held[each.ordinal].add_all(verdict.accounted.get(each.epoch, Spans()))
        packs: list[PackedPack] = []
        if fresh:  # in one transaction: marks of one generation must never be read as another's
            current = self._current
            named = [each for each in self._epochs if each.epoch in verdict.accounted]
            missing = [gap for each in named for gap in lost(self._connection, each, held[each.ordinal], now_ms)]
            packs = packed([], missing, epoch=current.epoch, first_seq=current.next, form=self._limits.pack_form)
            with transaction(self._connection):
                self._connection.execute(SQL["confirm"], (generation.store, generation.generation))
                for each in self._epochs:
                    self._connection.execute(
                        SQL["update_epoch"], (each.next, _spelled(held[each.ordinal]), each.ordinal)
                    )
                rows = [_row(current, pack, now_ms, known=True) for pack in packs]
                self._connection.executemany(SQL["insert_pack"], rows)
        for each in self._epochs:
            each.accounted = held[each.ordinal]
        self._generation = generation
        self._marks_changed = True
        return self._after_write(packs, {}, Evicted({}, []), None) if packs else None

    def payloads(self, numbers: Iterable[int]) -> dict[int, bytes]:
        """Return the packs of these numbers that are still spooled."""
        found = {}
        with translated_errors():
            for number in numbers:
                row = self._connection.execute(SQL["payload"], (number,)).fetchone()
                if row is not None:
                    found[number] = bytes(row[0])
        return found

    def unsendable(self, number: int, size_bytes: int, now_ms: int) -> Gap | None:
        """Return the gap record that declares a pack which no broker would take; None where it is no longer here."""
        return unsendable(self._connection, self._epochs, number, size_bytes, now_ms)

    def close(self, now_ms: int) -> None:
        """Write the marks and close the file."""
        with closing(self._connection), transaction(self._connection):
            self._write_marks(now_ms, self._current.next, force=True)

    @property
    def _current(self) -> EpochState:
        return self._epochs[-1]

    def _state(self, epoch: str) -> EpochState | None:
        return next((each for each in self._epochs if each.epoch == epoch), None)

    def _open_epoch(self, now_ms: int) -> None:
        """Number this start's packs in a fresh epoch; earlier ones are closed, emptied ones in time forgotten."""
        ordinal = self._epochs[-1].ordinal + 1 if self._epochs else 1
        state = EpochState(ordinal, Epoch(secrets.token_hex(16)))
        empty = [each for each in self._epochs if each.lowest == each.next]
        forgotten = empty[: max(0, len(empty) - _EPOCHS_KEPT)]
        with transaction(self._connection):
            for each in self._epochs:
                self._connection.execute(SQL["update_epoch"], (each.next, _spelled(each.accounted), each.ordinal))
            for each in forgotten:
                self._connection.execute(SQL["delete_departed"], (each.base, first_number(each.ordinal + 1)))
                self._connection.execute(SQL["delete_epoch"], (each.ordinal,))
            self._connection.execute(SQL["insert_epoch"], (ordinal, state.epoch, now_ms, self._boot))
        self._epochs = [each for each in self._epochs if each not in forgotten] + [state]

    def _span(self, state: EpochState) -> EpochSpan:
        """Return what births and heartbeats say of an epoch: its numbers, and what times those owed are of."""
        owed = list(state.owed.without(self._undated).ranges())
        if not owed:
            return state.span
        with translated_errors():
            first = self._connection.execute(SQL["pack_times"], (owed[0][0],)).fetchone()
            last = self._connection.execute(SQL["pack_times"], (owed[-1][1] - 1,)).fetchone()
        if first is None or last is None:
            return state.span
        return EpochSpan(state.epoch, state.lowest, state.next, min(first[0], last[0]), max(first[1], last[1]))

    def _squeeze(self) -> None:
        """Live within the space that the file has, until the disk has room again: its pages are used anew."""
        self._reserve.release()
        fold_journal(self._connection)
        self._bound = min(self._bound, self.used_bytes()) * 19 // 20

    def _make_room(self, packs: Sequence[PackedPack], lowest: dict[int, int]) -> Evicted:
        used = used_bytes(self._connection)
        needed = sum(len(pack.payload) + _ROOM_PER_PACK for pack in packs)
        bound = self._bound
        if used + needed <= bound:
            return Evicted({}, [])
        present = [
            EpochState(each.ordinal, each.epoch, lowest.get(each.ordinal, each.lowest), each.next, each.accounted)
            for each in self._epochs
        ]
        targets = Targets(bound - needed, bound - bound // 50 - needed)
        following = self._current.next + len(packs)
        return evict(self._connection, present, targets, self._thinning, following)

    def _write_marks(self, now_ms: int, following: int, *, force: bool = False) -> bool:
        written = self._marks_written_ms
        due = written is None or not 0 <= now_ms - written < _MARKS_INTERVAL_MS
        if not (force or (self._marks_changed and due)):
            return False
        for each in self._epochs:
            seq = following if each is self._current else each.next
            self._connection.execute(SQL["update_epoch"], (seq, _spelled(each.accounted), each.ordinal))
        return True

    def _after_write(
        self, packs: Sequence[PackedPack], lowest: dict[int, int], evicted: Evicted, marks_ms: int | None
    ) -> Written:
        if marks_ms is not None:
            self._marks_written_ms, self._marks_changed = marks_ms, False
        gone = []
        for each in self._epochs:
            now_lowest = lowest.get(each.ordinal, each.lowest)
            if now_lowest > each.lowest:
                gone.append((each.base + each.lowest, each.base + now_lowest))
                each.lowest = now_lowest
                self._undated.remove(*gone[-1])
        first = self.next_number
        self._current.next += len(packs)
        sendable = Spans()
        for number, pack in enumerate(packs, start=first):
            (sendable if pack.dated else self._undated).add(number, number + 1)
        times = [pack.last_ms for pack in packs if pack.last_ms is not None]
        self.last_sample_ms = max(times, default=self.last_sample_ms)
        return Written((first, self.next_number), gone, evicted.uncommitted, list(sendable.ranges()), evicted.thinned)


def _row(epoch: EpochState, pack: PackedPack, now_ms: int, *, known: bool, step_ms: int = 0) -> tuple[object, ...]:
    dated = (KNOWN if known else PROVISIONAL) if pack.dated else UNDATED
    return (epoch.base + pack.seq, pack.first_ms, pack.last_ms, now_ms, pack.gaps, pack.payload, dated, step_ms)


def _spelled(spans: Spans) -> str:
    return json.dumps(list(spans.ranges()), separators=(",", ":"))
