"""A change as a Server-Sent Event (HTML standard, section 9.2)."""

from siloscope_dashboards.live.hub import Frame
from siloscope_dashboards.ports import Changes, LocatedChange


def frame(located: LocatedChange, cursor: str) -> Frame:
    """Return a change, encoded, with who may hear of it."""
    return Frame(located.where, _event(located, cursor))


def opening(found: Changes) -> bytes:
    """Return what a page missed; even when that is nothing, it learns the cursor to come back with."""
    if not found.changes:
        return f"id: {found.cursor}\nevent: cursor\ndata: {{}}\n\n".encode()
    return b"".join(_event(each, found.cursor) for each in found.changes)


def _event(located: LocatedChange, cursor: str) -> bytes:
    return f"id: {cursor}\nevent: latest\ndata: {located.change.model_dump_json()}\n\n".encode()
