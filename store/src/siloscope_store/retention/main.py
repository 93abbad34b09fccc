"""`siloscope db retention`: show and set how long what is kept, see what would go, and let it go."""

from pathlib import Path

from siloscope_store import audit, schema
from siloscope_store.connections import connect
from siloscope_store.orders import ACTOR, APPLICATION, Actions, Order, action
from siloscope_store.retention import dropping, policies
from siloscope_store.retention.plan import Plan, RowLoss, Share, SpanLoss, plan

_SWITCH = {"required": True, "off": False}


def configure(actions: Actions) -> None:
    """Add the words."""
    show = action(actions, "show", _show, "list how long each organisation keeps what")
    show.add_argument("organisation", nargs="?")
    change = action(actions, "set", _set, "set how long an organisation keeps a level; see the plan before it applies")
    change.add_argument("organisation")
    change.add_argument("retention_class", metavar="CLASS", help=", ".join(policies.LEVELS))
    change.add_argument("level", metavar="LEVEL", help=", ".join((*policies.SAMPLE_LEVELS, *policies.RECORD_LEVELS)))
    change.add_argument("duration", metavar="DURATION", help="such as 90d, 26w, 2y or forever")
    archive = action(actions, "archive", _require, "say whether raw samples may go only into a verified archive file")
    archive.add_argument("organisation")
    archive.add_argument("archive", choices=sorted(_SWITCH))
    action(actions, "plan", _plan, "say exactly what would go now; changes nothing")
    action(actions, "apply", _apply, "let it go now, instead of waiting for 'siloscope jobs'")


def described(wanted: Plan) -> list[str]:
    """Return a plan as people read it, a line for whatever would go or stays."""
    lines = [line for loss in wanted.spans for line in _span_lines(loss)]
    lines += [_row_line(loss) for loss in wanted.rows]
    return lines or ["nothing is older than it is kept"]


def _show(order: Order) -> None:
    with order.connect() as connection:
        schema.require_current(connection)
        found = policies.policies(connection, order.arguments.organisation)
        required = policies.archive_required(connection)
    for each in found:
        remark = "  (default)" if each.by_default else ""
        kept = policies.written_duration(each.keep_days)
        print(f"{each.organisation}  {each.retention_class:<12}  {each.level:<9}  {kept}{remark}")
    for organisation, org_id in sorted({(each.organisation, each.org_id) for each in found}):
        print(f"{organisation}  archive       {'required' if required[org_id] else 'off'}")


def _set(order: Order) -> None:
    given = order.arguments
    days = policies.read_duration(given.duration)
    with order.connect() as connection:
        schema.require_current(connection)
        policies.set_policy(connection, given.organisation, given.retention_class, given.level, days, author=ACTOR)
        detail = {"class": given.retention_class, "level": given.level, "keep_days": days}
        deed = audit.Deed(ACTOR, "retention.set", f"{given.retention_class}/{given.level}", detail)
        audit.record(connection, deed, organisation=given.organisation)
    kept = policies.written_duration(days)
    print(f"{given.organisation} keeps {given.retention_class} {given.level} {kept}; see 'siloscope db retention plan'")


def _require(order: Order) -> None:
    organisation, word = order.arguments.organisation, order.arguments.archive
    with order.connect() as connection:
        schema.require_current(connection)
        policies.require_archive(connection, organisation, required=_SWITCH[word])
        audit.record(connection, audit.Deed(ACTOR, "retention.archive", word), organisation=organisation)
    print(f"{organisation}: archive {word}")


def _plan(order: Order) -> None:
    with order.connect() as connection:
        schema.require_current(connection)
        wanted = plan(connection, at=order.clock.now(), archiving=order.archive_directory is not None)
    print(*described(wanted), sep="\n")


def _apply(order: Order) -> None:
    directory: Path | None = order.archive_directory
    with connect(order.url, application_name=APPLICATION, autocommit=True) as connection:
        schema.require_current(connection)
        outcome = dropping.run(connection, at=order.clock.now(), directory=directory)
    for written in outcome.archived:
        print(f"archived {written.path}: {written.samples} samples, {written.size_bytes} bytes")
    for loss in outcome.dropped:
        print(f"dropped {loss.span.name}")
    print(f"deleted {outcome.deleted_rows} rows")
    for line in (*outcome.waits, *(error.message for error in outcome.broken)):
        print(f"stays: {line}")


def _span_lines(loss: SpanLoss) -> list[str]:
    span = loss.span
    bounds = f"{span.begins:%Y-%m-%d} to {span.ends:%Y-%m-%d}"
    how = f"drop whole, {span.size_bytes} bytes on disk" if loss.whole else "delete rows"
    if not loss.going and not loss.whole:
        how = "stays for now"
    return [f"{loss.level} {span.name} ({bounds}): {how}", *(_share_line(share) for share in loss.shares)]


def _share_line(share: Share) -> str:
    what = f"{share.rows} rows, {share.size_bytes} bytes, {share.first:%Y-%m-%d %H:%M} to {share.last:%Y-%m-%d %H:%M}"
    files = f", {len(share.archive)} days to archive first" if share.archive else ""
    stays = f"; stays: {share.stays}" if share.stays else ""
    return f"  {share.site.organisation}/{share.site.site} {share.retention_class}: {what}{files}{stays}"


def _row_line(loss: RowLoss) -> str:
    span = f"{loss.first:%Y-%m-%d} to {loss.last:%Y-%m-%d}"
    what = f"{loss.rows} rows, {loss.size_bytes} bytes, {span}"
    return f"{loss.organisation} {loss.retention_class} {loss.level} before {loss.before:%Y-%m-%d}: {what}"
