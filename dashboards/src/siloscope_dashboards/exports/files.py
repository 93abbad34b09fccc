"""The bytes of an export, made from the store's pages; no connection is held while a client reads slowly."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pyarrow.parquet as pq

from siloscope_dashboards.errors import Fault, Malformed, Unavailable
from siloscope_dashboards.exports.models import Export, ExportOrder, LetGo
from siloscope_store import exports
from siloscope_store.exchange.rows_out import CsvRows, arrow_schema, arrow_table, columns, lacking
from siloscope_store.exchange.workbook import MOST_ROWS, Workbook
from siloscope_store.exports import ExportedChannel, Lent, Selection

_PIECE_BYTES = 1 << 18
Made = TypeVar("Made")


async def export_of(lent: Lent, org_id: int, order: ExportOrder) -> Export:
    """Return what a file lacks, and its pieces."""
    wanted = Selection(
        org_id,
        order.begins,
        order.ends,
        order.level,
        site_id=order.site_id,
        place_id=order.place_id,
        device_id=order.device_id,
        channel_id=order.channel_id,
    )
    async with lent() as connection:
        chosen = await exports.channels(connection, wanted)
        let_go = await exports.let_go(connection, wanted, chosen)
    return Export([LetGo(*each) for each in let_go], _pieces(lent, wanted, chosen, order, let_go))


async def _pieces(
    lent: Lent,
    wanted: Selection,
    chosen: list[ExportedChannel],
    order: ExportOrder,
    let_go: Sequence[exports.LetGo],
) -> AsyncIterator[bytes]:
    """Yield a file piece by piece.

    Raises:
        Malformed: More rows than an Excel sheet has.
        Unavailable: Retention has let go of some of it meanwhile, and what was told of that is no longer true.
    """
    local = order.local_time and order.level != "day"
    if order.form == "csv":
        rows = CsvRows(order.level, local=order.local_time)
        yield rows.header()
        async for page in exports.pages(lent, wanted, chosen):
            yield await asyncio.to_thread(rows.encode, page.rows)
        await _require_kept(lent, wanted, chosen, let_go)
        return
    with TemporaryDirectory(prefix="siloscope-export-") as folder:
        path = Path(folder) / f"export.{order.form}"
        if order.form == "parquet":
            await _parquet(path, lent, wanted, chosen, let_go, local=local)
        else:
            await _workbook(path, lent, wanted, chosen, let_go, local=local)
        await _require_kept(lent, wanted, chosen, let_go)
        with path.open("rb") as opened:
            while piece := await asyncio.to_thread(opened.read, _PIECE_BYTES):
                yield piece


async def _require_kept(
    lent: Lent, wanted: Selection, chosen: Sequence[ExportedChannel], let_go: Sequence[exports.LetGo]
) -> None:
    async with lent() as connection:
        now = await exports.let_go(connection, wanted, chosen)
    if now != let_go:
        raise Unavailable("retention has let go of some of this export meanwhile; try again")


async def _parquet(
    path: Path,
    lent: Lent,
    wanted: Selection,
    chosen: list[ExportedChannel],
    let_go: Sequence[exports.LetGo],
    *,
    local: bool,
) -> None:
    with pq.ParquetWriter(
        path, arrow_schema(wanted.level, local=local), compression="zstd", write_page_checksum=True
    ) as writer:
        writer.add_key_value_metadata(lacking(let_go))
        async for page in exports.pages(lent, wanted, chosen):
            if page.rows:
                table = await _in_thread(arrow_table, page.rows, wanted.level, local=local)
                await _in_thread(writer.write_table, table)


async def _workbook(
    path: Path,
    lent: Lent,
    wanted: Selection,
    chosen: list[ExportedChannel],
    let_go: Sequence[exports.LetGo],
    *,
    local: bool,
) -> None:
    book, rows = Workbook(path, columns(wanted.level, local=local)), 0
    async for page in exports.pages(lent, wanted, chosen):
        rows += len(page.rows)
        if rows > MOST_ROWS:
            expected = f"csv or parquet for more than {MOST_ROWS} rows, or a shorter span, or a coarser level"
            raise Malformed(f"query.format: expected {expected}", faults=[Fault("query.format", expected)])
        if page.rows:
            table = await _in_thread(arrow_table, page.rows, wanted.level, local=local)
            await _in_thread(book.write, table)
    await _in_thread(book.close, let_go)


async def _in_thread(work: Callable[..., Made], *arguments: Any, **options: Any) -> Made:
    """Do something beside the loop; cancelled, wait for its end: the folder that it writes into goes next."""
    working = asyncio.ensure_future(asyncio.to_thread(work, *arguments, **options))
    try:
        return await asyncio.shield(working)
    finally:
        await asyncio.wait({working})
