"""From a delivered message to an entry of a batch: decode, find node and shapes, sort out what cannot be stored."""

from collections.abc import Sequence

from siloscope_contract.errors import MalformedPack
from siloscope_contract.gaps import Gap
from siloscope_contract.packs import Pack, Sample, decode, decode_document
from siloscope_contract.resolution import MAX_SEQ
from siloscope_contract.senml import unpack
from siloscope_ingest.births_awaited import BirthsAwaited
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.entries import Entry
from siloscope_ingest.errors import BirthAwaited, RegistryNeeded, Rejected
from siloscope_ingest.far_weeks import FarWeeks, Week
from siloscope_ingest.nodes import KnownNode
from siloscope_ingest.recipes import RecipeBook
from siloscope_ingest.redeliveries import RelativeMessages
from siloscope_ingest.shapes import TABLES, Part, Shape
from siloscope_ingest.window import TimeWindow
from siloscope_process.clock import from_ms
from siloscope_store.ledger import GapRecord, RefusedNumber
from siloscope_store.quarantine import Quarantined
from siloscope_store.sample_rows import decode as decode_row
from siloscope_store.samples import FAR_WEEK, OUT_OF_WINDOW, SPAN_MS, Undated

_LONGEST_DETAIL = 500
"""What a refused number says of itself; the quarantine has the message, and more to say."""


class WeekUnknown(RegistryNeeded):
    """A sample of a week far from now, and nobody has asked yet whether it is open."""

    def __init__(self, week: Week) -> None:
        super().__init__(f"nobody asked for week {week}")
        self.week = week


class ShapeMissing(RegistryNeeded):
    """A sample whose readings have no known place yet."""

    def __init__(self, sample: Sample) -> None:
        super().__init__(f"no shape for {sample.device} {sample.names}")
        self.sample = sample


class Resolver:
    """Makes entries of packs.

    Args:
        window: Sample times outside of it are kept apart.
        relative: Remembers messages without times of their own.
        weeks: Says which weeks far from now may be written to.
        awaited: How long numbered packs wait for the birth.
    """

    def __init__(self, window: TimeWindow, relative: RelativeMessages, weeks: FarWeeks, awaited: BirthsAwaited) -> None:
        self._window = window
        self._relative = relative
        self._weeks = weeks
        self._awaited = awaited
        self._recipes = RecipeBook()

    def resolve(self, node: KnownNode, delivery: Delivery) -> Entry:
        """Return what the database is to hold because of a message.

        Raises:
            RegistryNeeded: The registry must be asked first; then this can be called again.
            BirthAwaited: A birth must come first; then the pack will come again.
        """
        natural_ms = self._window.natural(delivery.received_ms)
        try:
            document, form = unpack(delivery.payload)
            read = self._recipes.read(node, document, natural_ms)
            if read is not None:
                epoch, seq, rows, readings = read
                stream = None if epoch is None else node.stream(epoch)
                return Entry(delivery, node.node_id, node.org_id, stream, seq, rows, True, False, readings)
            pack = decode_document(document, form, received_ms=delivery.received_ms)
            stream = None if pack.epoch is None else node.stream(pack.epoch)
            entry = Entry(delivery, node.node_id, node.org_id, stream, pack.seq)
            for sample in pack.samples:
                self._take(entry, node, sample, natural_ms)
            if pack.relative or pack.refusals or pack.gaps:
                return self._take_rest(entry, pack)
            if not entry.is_exception:
                self._recipes.learn(node, document, pack.samples, entry.rows)
        except MalformedPack as error:
            return _rejected_pack(delivery, error.reason, str(error), node, error.epoch, error.seq)
        except BirthAwaited:
            raise
        except Rejected as error:
            return _rejected_pack(delivery, error.reason, error.detail, node, pack.epoch, pack.seq)
        return entry

    def far_weeks(self, node: KnownNode, delivery: Delivery) -> list[Week]:
        """Return the far weeks that a message writes to, in order, as far as its shapes are known."""
        received_ms = delivery.received_ms
        try:
            samples = decode(delivery.payload, received_ms=received_ms).samples
        except MalformedPack:
            return []
        natural_ms = self._window.natural(received_ms)
        found: dict[Week, None] = {}
        for sample in samples:
            if sample.time_ms >= natural_ms[0] or not self._window.holds(sample.time_ms, received_ms):
                continue
            shape = node.shape(sample.device, sample.names, sample.units)
            for part in () if shape is None else shape.parts:
                week = sample.time_ms // SPAN_MS * len(TABLES) + part.table
                found[week] = None
        return list(found)

    def _take(self, entry: Entry, node: KnownNode, sample: Sample, natural_ms: tuple[int, int]) -> None:
        shape = node.shape(sample.device, sample.names, sample.units)
        if shape is None:
            raise ShapeMissing(sample)
        if (
            shape.unknown
            and entry.seq is not None
            and node.is_announced
            and self._awaited.must_wait(node, sample.device, shape.unknown, entry.delivery.received_ms)
        ):
            raise BirthAwaited(sample.device, shape.unknown)
        time_ms, values, quality = sample.time_ms, sample.values, sample.quality
        parts: Sequence[Part] = shape.parts
        if not natural_ms[0] <= time_ms <= natural_ms[1]:
            parts = self._believed(entry, shape, sample)
            if not parts:
                return
        plain = not any(quality)
        for part in parts:
            if plain and part.encode_in_order is not None:
                row = part.encode_in_order(time_ms, values)
            else:
                row = part.encode(time_ms, values, quality, plain=plain)
            entry.rows.append((part, time_ms, row))
        entry.readings += len(values)
        if shape.unknown:
            detail = (
                f"device {sample.device}: found failed readings of {', '.join(shape.unknown)}, expected known channels"
            )
            entry.quarantined = [*entry.quarantined, _quarantined(entry, "channel_unknown", detail)]
            if not node.is_announced:
                entry.seq = None  # it overtook the birth that names them: it comes again, and is then filled in
            entry.is_exception = True

    def _believed(self, entry: Entry, shape: Shape, sample: Sample) -> Sequence[Part]:
        """Return the parts of a sample of an odd time that are stored at that time; the others are kept as undated."""
        received_ms = entry.delivery.received_ms
        entry.is_exception = True
        if not self._window.holds(sample.time_ms, received_ms):
            _set_apart(entry, shape.parts, sample, OUT_OF_WINDOW)
            return ()
        if sample.time_ms > received_ms:
            entry.ahead_ms = max(entry.ahead_ms, sample.time_ms - received_ms)
            return [part.silent() for part in shape.parts]
        opened = [part for part in shape.parts if self._is_open(entry, part, sample.time_ms)]
        if len(opened) < len(shape.parts):
            _set_apart(entry, [part for part in shape.parts if part not in opened], sample, FAR_WEEK)
        return opened

    def _is_open(self, entry: Entry, part: Part, time_ms: int) -> bool:
        assert entry.node_id is not None
        week = time_ms // SPAN_MS * len(TABLES) + part.table
        found = self._weeks.verdict(entry.node_id, week, entry.delivery.received_ms)
        if found is None:
            raise WeekUnknown(week)
        return found

    def _take_rest(self, entry: Entry, pack: Pack) -> Entry:
        delivery, node_id = entry.delivery, entry.node_id
        assert node_id is not None
        if pack.relative:
            if delivery.retained:
                return Entry(delivery, node_id, entry.org_id)  # an old one, that would be stored as if it were new
            entry.relative = self._relative.take(node_id, delivery)
            if entry.relative is None:
                return Entry(delivery, node_id, entry.org_id)
            if not (pack.refusals or pack.gaps):
                return entry
        entry.is_exception = True
        entry.gaps = [_gap_record(entry, pack, gap, at) for at, gap in enumerate(pack.gaps)]
        entry.evicted = [
            (gap.epoch, (gap.first_seq, gap.last_seq + 1))
            for gap in pack.gaps
            if gap.epoch is not None and gap.first_seq is not None and gap.last_seq is not None
        ]
        if pack.refusals:
            reasons = dict.fromkeys(each.reason for each in pack.refusals)
            details = "; ".join(each.detail for each in pack.refusals)
            entry.quarantined = [*entry.quarantined, _quarantined(entry, "+".join(reasons), details)]
        return entry


def rejected(
    delivery: Delivery,
    why: Rejected,
    node_id: int | None = None,
    org_id: int | None = None,
    stream: tuple[int, str] | None = None,
    seq: int | None = None,
) -> Entry:
    """Return the entry of a message that cannot be taken: quarantined, and its number accounted for as refused."""
    entry = Entry(delivery, node_id, org_id, stream, seq)
    entry.is_exception = True
    epoch = None if stream is None else stream[1]
    if stream is not None and seq is not None:
        entry.refused = RefusedNumber(*stream, seq, why.reason, why.detail[:_LONGEST_DETAIL])
    at = from_ms(delivery.received_ms)
    message = (delivery.topic, delivery.payload)
    entry.quarantined = [Quarantined(*message, why.reason, why.detail, at, org_id, node_id, epoch, seq)]
    return entry


def number_of(delivery: Delivery) -> tuple[str | None, int | None]:
    """Return epoch and number of a message that is refused for another reason than its form."""
    try:
        pack = decode(delivery.payload, received_ms=delivery.received_ms)
    except MalformedPack as error:
        return error.epoch, error.seq
    return pack.epoch, pack.seq


def _rejected_pack(
    delivery: Delivery, reason: str, detail: str, node: KnownNode, epoch: str | None, seq: int | None
) -> Entry:
    stream = None if epoch is None or seq is None else node.stream(epoch)
    return rejected(delivery, Rejected(reason, detail), node.node_id, node.org_id, stream, seq)


def _set_apart(entry: Entry, parts: Sequence[Part], sample: Sample, reason: str) -> None:
    """Keep a sample as undated."""
    assert entry.node_id is not None
    assert entry.org_id is not None
    found = list(entry.undated)
    for part in parts:
        row = decode_row(part.encode(0, sample.values, sample.quality, plain=False))
        found.append(
            Undated(
                entry.org_id,
                entry.node_id,
                part.group_id,
                sample.time_ms,
                row.values,
                row.quality,
                entry.stream[1] if entry.stream else None,
                entry.seq,
                from_ms(entry.delivery.received_ms),
                reason,
            )
        )
    entry.undated = found


def _quarantined(entry: Entry, reason: str, detail: str) -> Quarantined:
    delivery = entry.delivery
    return Quarantined(
        delivery.topic,
        delivery.payload,
        reason,
        detail,
        from_ms(delivery.received_ms),
        entry.org_id,
        entry.node_id,
        entry.stream[1] if entry.stream else None,
        entry.seq,
    )


def _gap_record(entry: Entry, pack: Pack, gap: Gap, at: int) -> GapRecord:
    """Return a gap record as it is stored.

    Raises:
        Rejected: Its numbers or times are beyond what the database can hold.
    """
    assert entry.org_id is not None
    assert entry.node_id is not None
    if gap.last_seq is not None and gap.last_seq > MAX_SEQ:
        raise Rejected("malformed_gap", f"gap {at + 1}, last_seq: found {gap.last_seq}, expected at most {MAX_SEQ}")
    if gap.epoch is not None and not _is_epoch(gap.epoch):
        raise Rejected("malformed_gap", f"gap {at + 1}, epoch: found {gap.epoch!r}, expected 32 digits of 0-9, a-f")
    if gap.count is not None and abs(gap.count) > MAX_SEQ:
        raise Rejected("malformed_gap", f"gap {at + 1}, count: found {gap.count}, expected at most {MAX_SEQ}")
    try:
        span = from_ms(gap.from_ms), from_ms(gap.to_ms)
    except OverflowError:
        found = f"{gap.from_ms} to {gap.to_ms}"
        raise Rejected("malformed_gap", f"gap {at + 1}: found {found}, expected times of our era") from None
    return GapRecord(
        entry.org_id,
        entry.node_id,
        gap.kind.value,
        *span,
        gap.epoch,
        gap.first_seq,
        gap.last_seq,
        gap.device,
        gap.count,
        gap.detail,
        pack.epoch,
        pack.seq,
        at,
    )


def _is_epoch(text: str) -> bool:
    return len(text) == 32 and set(text) <= set("0123456789abcdef")
