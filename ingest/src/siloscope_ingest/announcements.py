"""What a birth is between its arrival and its answer."""

from dataclasses import dataclass, field
from hashlib import blake2b

from siloscope_contract.births import Birth
from siloscope_ingest.deliveries import Delivery
from siloscope_ingest.errors import Rejected
from siloscope_ingest.intake import Route
from siloscope_ingest.nodes import KnownNode


@dataclass
class Announced:
    """A birth, its node, what tells each of its devices apart, and why something of it is refused."""

    route: Route
    delivery: Delivery
    node: KnownNode
    birth: Birth
    digest: bytes
    refusal: Rejected | None
    devices: dict[str, bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.devices = {each.name: digest_of(repr(each).encode()) for each in self.birth.devices}


class Pages:
    """Which pages of a birth have come; of a long one, the broker retains the last alone."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[str, set[int]]] = {}

    def are_whole(self, node_id: int, birth: Birth) -> bool:
        """Note a page of a node's birth; say whether all of them have come."""
        session, pages = self._seen.get(node_id, ("", set()))
        if session != birth.session:
            session, pages = self._seen[node_id] = (birth.session, set())
        pages.add(birth.page)
        return len(pages) >= birth.pages


def digest_of(text: bytes) -> bytes:
    """Return what tells two announcements apart."""
    return blake2b(text, digest_size=16).digest()
