"""Several who look on while buses are read, as one."""

from collections.abc import Sequence

from siloscope_contract.packs import Sample
from siloscope_edge.polling import Onlooker, Poller


class Onlookers:
    """Passes on what is seen.

    Args:
        each: Who looks on; may be added to.
    """

    def __init__(self, each: Sequence[Onlooker]) -> None:
        self._each = each

    def begins(self, poller: Poller) -> None:
        for onlooker in self._each:
            onlooker.begins(poller)

    def saw(self, sample: Sample, took_s: float | None) -> None:
        for onlooker in self._each:
            onlooker.saw(sample, took_s)

    def ends(self, poller: Poller) -> None:
        for onlooker in self._each:
            onlooker.ends(poller)
