"""Keeps what judgements are made of between two rounds: who was heard of, when our own outage ended, figures."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from siloscope_alerting.columns import Catalogue, Judgement, Maintenance
from siloscope_alerting.watch import absence
from siloscope_alerting.watch.absence import ExpectedGroup, NodeSight
from siloscope_process.clock import to_ms
from siloscope_store.alert_feed import HeardNode, RawNews
from siloscope_store.ingest_presence import WorkerPresence

TRUSTED_MS = 30_000
"""Whoever judged within this of the beginning knew of all outages of ours."""


class Judging:
    """Makes judgements.

    Args:
        least_silence_ms: Nobody is silent who was heard of within this.
        evaluated_to: Up to when absence was judged before this evaluator began.
        known: Nodes that are known to be silent, and since when.
    """

    def __init__(self, least_silence_ms: int, evaluated_to: datetime | None, known: Mapping[int, int]) -> None:
        self._least_ms = least_silence_ms
        self._evaluated_to_ms = None if evaluated_to is None else to_ms(evaluated_to)
        self._known = dict(known)
        self._up_since_ms: int | None = None
        self._was_down = False
        self._nodes: Sequence[HeardNode] = ()
        self._judgement: Judgement | None = None
        self._expected: dict[int, list[tuple[int, int]]] = {}
        self.node_of: dict[int, int] = {}
        self.site_of: dict[int, int] = {}
        self.metrics: Mapping[tuple[str, int | None], float] = {}
        self.maintenance: Sequence[Maintenance] = ()

    def arrange(self, catalogue: Catalogue) -> None:
        """Take channels anew: which groups are expected of which node."""
        expected: dict[int, dict[int, int]] = defaultdict(dict)
        vitals: dict[int, dict[int, int]] = defaultdict(dict)
        self.node_of, self.site_of = {}, {}
        for each in catalogue.channels:
            self.node_of[each.group_id] = each.node_id
            self.site_of[each.group_id] = each.site_id
            if each.interval_s is not None:
                limit_ms = absence.group_limit_ms(each.interval_s, each.allowance_s, self._least_ms)
                (vitals if each.vitals else expected)[each.node_id][each.group_id] = limit_ms
        # Vitals come once a minute: whoever is expected to send anything else is judged by that.
        expected = {node_id: expected.get(node_id) or vitals[node_id] for node_id in {*expected, *vitals}}
        self._expected = {node_id: list(groups.items()) for node_id, groups in expected.items()}

    @property
    def heard_ms(self) -> dict[int, int]:
        """When each node was heard of last."""
        return {each.node_id: to_ms(each.heard_at) for each in self._nodes if each.heard_at is not None}

    @property
    def owing(self) -> set[int]:
        """Nodes that say that they hold more."""
        return {each.node_id for each in self._nodes if each.owes}

    def wants_nodes(self, groups: Sequence[int]) -> bool:
        """Say whether one of these groups is of a node that is silent: it is so no more."""
        silent = self._judgement.silent_nodes if self._judgement is not None else {}
        return bool(silent) and any(self.node_of.get(group) in silent for group in groups)

    def judge(self, raw: RawNews, arrived_ms: Mapping[int, int]) -> Judgement:
        """Return what may be said now; who is silent changes only where nodes were asked for."""
        now_ms = to_ms(raw.now)
        self._note_outages(raw.presence, now_ms)
        if raw.nodes is not None:
            self._nodes = raw.nodes
        before = self._judgement
        fresh = raw.nodes is not None or before is None
        judged = absence.judge(
            self._sights(arrived_ms) if fresh else (),
            raw.presence,
            now_ms,
            up_since_ms=self._up_since_ms or 0,
            known=self._known,
            least_ms=self._least_ms,
        )
        if fresh or before is None:
            self._known = dict(judged.silent_nodes)
        metrics = {**self.metrics, ("ingest_lag_s", None): absence.lag_ms(raw.presence, now_ms) / 1000}
        silent, sites = judged.silent_nodes, judged.silent_sites
        if not fresh and before is not None:
            silent, sites = before.silent_nodes, before.silent_sites
        self._judgement = Judgement(
            judged.absent_to_ms,
            judged.platform_down,
            silent,
            sites,
            metrics,
            self.maintenance,
            now_ms,
            self._up_since_ms or 0,
        )
        return self._judgement

    def judged_to_ms(self, judgement: Judgement) -> int:
        """Return up to when absence was judged: it stands still while an outage of ours counts."""
        now_ms = judgement.now_ms or judgement.absent_to_ms
        counting = judgement.platform_down or now_ms - (self._up_since_ms or 0) < self._least_ms
        if not counting or self._evaluated_to_ms is None:
            self._evaluated_to_ms = judgement.absent_to_ms
        return self._evaluated_to_ms

    def _note_outages(self, presence: Sequence[WorkerPresence], now_ms: int) -> None:
        down = absence.is_down(presence, now_ms)
        if self._up_since_ms is None:
            # Who judged until a moment ago knew of outages; after a longer while nobody does.
            trusted = self._evaluated_to_ms is not None and now_ms - self._evaluated_to_ms <= TRUSTED_MS
            self._up_since_ms = 0 if trusted else now_ms
        if self._was_down and not down:
            self._up_since_ms = now_ms
        self._was_down = down

    def _sights(self, arrived_ms: Mapping[int, int]) -> Iterator[NodeSight]:
        for node in self._nodes:
            groups = [
                ExpectedGroup(arrived_ms.get(group), limit_ms)
                for group, limit_ms in self._expected.get(node.node_id, ())
            ]
            heard_ms = None if node.heard_at is None else to_ms(node.heard_at)
            yield NodeSight(node.node_id, node.site_id, heard_ms, groups)
