"""The watch over the database: tells the engine what is new, and keeps what follows from it.

One of these serves one term and one run without errors: after any failure it is thrown away, and another begins from
what stands in the database.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import structlog

from siloscope_alerting.columns import BoundRule, Catalogue, Float, Int64, Outcome, Readings
from siloscope_alerting.engine import arrivals
from siloscope_alerting.errors import Fenced
from siloscope_alerting.life import Key, Memory
from siloscope_alerting.ports import Clock, News
from siloscope_alerting.watch import absence, backlog, interest, keeping, maintenance
from siloscope_alerting.watch.backlog import Backlog
from siloscope_alerting.watch.catalogue import bound, catalogue
from siloscope_alerting.watch.causes import Causes
from siloscope_alerting.watch.cursors import Cursor
from siloscope_alerting.watch.feed import Feed, Newest
from siloscope_alerting.watch.history import DatabaseHistory
from siloscope_alerting.watch.incidents import Incident, OpenAlert
from siloscope_alerting.watch.judging import Judging
from siloscope_alerting.watch.keeping import Alerts, FactsOf, RoutesFor
from siloscope_alerting.watch.lease import LEASE_S
from siloscope_alerting.watch.present import Present
from siloscope_alerting.watch.silences import take_silences
from siloscope_alerting.watch.subjects import Subjects
from siloscope_process.clock import from_ms, to_ms
from siloscope_store import alert_catalogue, alert_feed, alert_incidents, alert_late, alert_lease, alert_states
from siloscope_store.alert_catalogue import WatchedChannel
from siloscope_store.alert_feed import RawNews
from siloscope_store.alert_history import Span, StoredSample, samples_between
from siloscope_store.alert_late import LateMark
from siloscope_store.connections import Connected, Pool, borrowed

CHORES_EVERY_S = 1.0
FINGERPRINT_EVERY_S = 5.0
FIGURES_EVERY_S = 10.0
SPANS_AT_ONCE = 1000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DatabaseNews(News):
    """News, and what of the store is taken with it."""

    marks: Sequence[LateMark] = ()
    changed_groups: int = 0


@dataclass
class _Due:
    """When something is looked at again, on the monotonic clock."""

    every_s: float
    next_s: float = field(default=float("-inf"))

    def take(self, now_s: float) -> bool:
        """Say whether it is time, and wait anew."""
        if now_s < self.next_s:
            return False
        self.next_s = now_s + self.every_s
        return True

    def hurry(self) -> None:
        """Let it be time at once."""
        self.next_s = float("-inf")


class DatabaseWatch:
    """Watches for the holder of one term.

    Args:
        pool: Connections.
        term: Ours.
        clock: For pauses; what is judged is judged by the server's.
        wake: Set when messages were enqueued.
        routes_for: What decides whom an incident is told to.
        facts_of: What a message about an incident says.
        least_silence_s: Nobody is silent who was heard of within this.
    """

    def __init__(
        self,
        pool: Pool,
        term: int,
        clock: Clock,
        wake: asyncio.Event,
        routes_for: RoutesFor,
        facts_of: FactsOf,
        *,
        least_silence_s: float = 120.0,
    ) -> None:
        self._pool = pool
        self._term = term
        self._clock = clock
        self._wake = wake
        self._routes_for = routes_for
        self._facts_of = facts_of
        self._least_silence_ms = round(least_silence_s * 1000)
        self._catalogue = Catalogue([])
        self._rules: dict[int, BoundRule] = {}
        self._bound: Sequence[BoundRule] = ()
        self._subjects = Subjects(self._catalogue, self._rules)
        self._feed: Feed | None = None
        self._cursor: Cursor | None = None
        self._alerts = Alerts([])
        self._untold: list[OpenAlert] = []
        self._causes = Causes([], {})
        self._judging = Judging(self._least_silence_ms, None, {})
        self._backlog = Backlog()
        self._fingerprints: dict[str, str] = {}
        self._strange = False
        self._server_ms = 0
        self._chores, self._looks = _Due(CHORES_EVERY_S), _Due(FINGERPRINT_EVERY_S)
        self._rule_looks, self._figures = _Due(CHORES_EVERY_S), _Due(FIGURES_EVERY_S)
        self.incidents = 0

    async def begin(self) -> None:
        """Read where the evaluator before stopped; once, before all else."""
        async with borrowed(self._pool) as connection:
            progress = await alert_lease.progress(connection)
            alerts = [keeping.read_alert(row) for row in await alert_states.open_alerts(connection)]
            incidents = [keeping.read_incident(row, alerts) for row in await alert_incidents.open_incidents(connection)]
        self._cursor = Cursor.read(progress.cursor)
        self._server_ms = to_ms(progress.now)
        self._alerts = Alerts(alerts)
        self._causes = Causes(incidents, self._rules)
        self._untold = [each for each in alerts if each.fired_ms is not None and each.incident_id is None]
        self._judging = Judging(self._least_silence_ms, progress.evaluated_to, _known_silent(incidents))

    async def catalogue(self) -> Catalogue | None:
        """Return the channels where they changed since the last call; None where they did not."""
        if not self._strange and not self._looks.take(self._clock.monotonic_s()):
            return None
        async with borrowed(self._pool) as connection:
            changed = await self._changed(connection, "channels")
            if self._strange and self._feed is not None:
                self._feed.ignore_strange()
            self._strange = False
            if not changed:
                return None
            channels = await alert_catalogue.channels(connection)
            names = await alert_catalogue.names(connection)
        await asyncio.to_thread(self._take_channels, channels, names)
        return self._catalogue

    def _take_channels(self, channels: Sequence[WatchedChannel], names: Mapping[tuple[str, int], str]) -> None:
        """Arrange everything anew; in a thread, so that messages go out and the lease is kept meanwhile."""
        self._catalogue = catalogue(channels, names)
        self._feed = Feed(self._catalogue, self._feed)
        self._feed.heed(interest.watched(self._catalogue, self._bound))
        self._judging.arrange(self._catalogue)
        self._subjects = Subjects(self._catalogue, self._causes.rules)

    async def rules(self) -> Sequence[BoundRule] | None:
        """Return all enabled rules where one changed since the last call; None where none did."""
        if not self._rule_looks.take(self._clock.monotonic_s()):
            return None
        async with borrowed(self._pool) as connection:
            if not await self._changed(connection, "rules"):
                return None
            found, faults = bound(await alert_catalogue.rules(connection))
        for rule_id, reason in faults:
            _log.error("rule_unreadable", rule_id=rule_id, reason=reason)
        self._causes.rules.update({each.rule_id: each for each in found})
        self._bound = found
        if self._feed is not None:
            self._feed.heed(interest.watched(self._catalogue, found))
        self._find_again()
        self._subjects = Subjects(self._catalogue, self._causes.rules)
        return found

    async def memories(self) -> Mapping[Key, Memory]:
        """Return everything that is not simply ok."""
        async with borrowed(self._pool) as connection:
            found = await alert_states.memories(connection)
        return {keeping.key_of(subject): msgspec.convert(memory, Memory) for subject, memory in found}

    async def known(self) -> Readings:
        """Return the newest reading of every channel, whether it is news or not."""
        async with borrowed(self._pool) as connection, alert_feed.look(connection):
            raw = await alert_feed.news_since(connection, None, chores=False)
        assert self._feed is not None
        newest = self._feed.newest(raw.groups).came
        late = newest.arrived_ms - newest.time_ms > self._feed.allowance_ms[newest.row]
        return Readings(newest.row, newest.time_ms, newest.value, newest.quality, late)

    async def history(self, wanted: Mapping[int, int]) -> Mapping[int, tuple[Int64, Float]]:
        """Return stored samples of catalogue rows, each as many milliseconds back as it wants."""
        newest_ms = self._server_ms
        spans = {row: (newest_ms - back_ms, newest_ms + 1) for row, back_ms in wanted.items()}
        return await DatabaseHistory(self._pool, self._catalogue).each_between(spans)

    async def news(self, *, anyway: bool = False) -> DatabaseNews | None:
        """Return what was committed since the cursor that was kept last.

        None where some of it is of channels that the catalogue lacks, unless it is wanted anyway: with these channels
        it is there again.
        """
        feed = self._feed
        assert feed is not None
        snapshot, generation = (
            (None, None) if self._cursor is None else (self._cursor.snapshot, self._cursor.generation)
        )
        now_s = self._clock.monotonic_s()
        async with borrowed(self._pool) as connection:
            began_s = self._clock.monotonic_s()
            await self._look_at_figures(connection, now_s)
            async with alert_feed.look(connection):
                chores = self._chores.take(now_s)
                raw = await alert_feed.news_since(connection, snapshot, generation=generation, chores=chores)
                if not chores and self._judging.wants_nodes([each.group_id for each in raw.groups]):
                    raw = msgspec.structs.replace(raw, nodes=await alert_feed.nodes(connection))
                newest = feed.newest(raw.groups)
                self._strange |= newest.strange
                if newest.strange and not anyway:
                    self._chores.hurry()
                    return None
                readings = await self._came(connection, feed, raw, newest)
                marks = self._marks(raw, to_ms(raw.now))
                late = await self._late(connection, feed, marks)
            took_s = self._clock.monotonic_s() - began_s
        judgement = self._judging.judge(raw, feed.arrived_ms)
        self._judging.metrics = {**self._judging.metrics, ("database_lag_s", None): took_s}
        now_ms = to_ms(raw.now)
        self._cursor, self._server_ms = Cursor(raw.generation, now_ms, raw.snapshot), now_ms
        return DatabaseNews(self._cursor.text(), arrivals.together(readings, late), judgement, marks, len(raw.groups))

    async def keep(self, news: News, outcome: Outcome) -> None:
        """Write transitions, memories, incidents, notifications and the cursor in one transaction.

        Raises:
            Fenced: Another evaluator has a higher term; nothing is written.
        """
        now_ms = news.judgement.now_ms or news.judgement.absent_to_ms
        evaluated_to = from_ms(self._judging.judged_to_ms(news.judgement))
        alerts, causes = self._alerts, self._causes
        async with borrowed(self._pool) as connection, connection.pipeline(), connection.transaction():
            if not await alert_lease.advance(
                connection, self._term, LEASE_S, cursor=news.cursor, evaluated_to=evaluated_to
            ):
                raise Fenced(f"term {self._term} is over")
            marks = news.marks if isinstance(news, DatabaseNews) else ()
            await alert_late.take(connection, marks)
            await keeping.take_transitions(connection, alerts, causes, self._subjects, outcome, now_ms)
            await keeping.take_retrospects(connection, alerts, causes, self._subjects, outcome.retrospects, now_ms)
            alerts.note_inhibition(outcome.memories, self._subjects)
            present = self._present(news, now_ms)
            tellings = causes.follow(present)
            await take_silences(connection, alerts, causes, tellings, present)
            await keeping.write_incidents(connection, causes, tellings, alerts)
            await keeping.write_alerts(connection, self._term, alerts, outcome.memories, outcome.due_ms)
            enqueued = await keeping.tell(
                connection, tellings, outcome.transitions, now_ms, self._routes_for, self._facts_of
            )
            if not (marks or tellings or alerts.changed or outcome.memories):
                await alert_lease.commit_lightly(connection)
        alerts.changed, alerts.transitions = {}, []
        self.incidents = len(causes)
        if enqueued:
            self._wake.set()

    def _find_again(self) -> None:
        """Put what fired, and waited untold when the evaluator before ended, to its cause again."""
        for alert in self._untold:
            if alert.retrospective:
                self._causes.looked_back(alert, self._server_ms)
            elif alert.key.rule_id in self._causes.rules:
                self._causes.fired(alert, self._server_ms)
        self._untold = []

    def _present(self, news: News, now_ms: int) -> Present:
        subjects = self._subjects
        return Present(
            now_ms,
            news.judgement,
            heard_ms=self._judging.heard_ms,
            owing=self._judging.owing,
            marked_ms=self._backlog.marked_ms,
            nodes=subjects.nodes,
            organisation_of=subjects.organisation_of,
            rule_name=subjects.rule_name,
            subject=subjects.subject,
            node_name=subjects.node_name,
        )

    async def _changed(self, connection: Connected, what: str) -> bool:
        ask = alert_catalogue.fingerprint if what == "channels" else alert_catalogue.rules_fingerprint
        found = await ask(connection)
        if self._fingerprints.get(what) == found:
            return False
        self._fingerprints[what] = found
        return True

    async def _look_at_figures(self, connection: Connected, now_s: float) -> None:
        if not self._figures.take(now_s):
            return
        self._judging.metrics = await alert_feed.platform(connection)
        now = (await alert_lease.progress(connection)).now
        windows = await alert_feed.maintenance(connection, now - maintenance.LOOKS_BACK)
        self._judging.maintenance = maintenance.spans(windows, self._zones(), now)

    def _zones(self) -> dict[int, dict[str, list[str]]]:
        zones: dict[int, dict[str, list[str]]] = {}
        for each in self._catalogue.channels:
            sites = zones.setdefault(each.org_id, {}).setdefault(each.time_zone, [])
            if each.site not in sites:
                sites.append(each.site)
        return zones

    def _marks(self, raw: RawNews, now_ms: int) -> Sequence[LateMark]:
        if raw.marks is None:
            return ()
        self._backlog.see(raw.marks, self._judging.site_of, now_ms)
        return self._backlog.ready(self._judging.node_of, now_ms)

    async def _came(self, connection: Connected, feed: Feed, raw: RawNews, newest: Newest) -> Readings:
        """Return what came since the look before, the newest and all else."""
        waited_ms = None
        if self._cursor is not None and raw.since is not None:
            waited_ms = to_ms(raw.now) - self._cursor.at_ms + absence.lag_ms(raw.presence, to_ms(raw.now))
        came, spans = feed.take(newest, waited_ms)
        if spans:
            asked = [(group, *span) for group, span in spans.items()]
            came = came.with_these(feed.between(await _samples(connection, asked, since=raw.since)))
        marked = {}
        if doubtful := feed.doubtful(came, waited_ms):
            marked = await alert_late.marked(connection, doubtful)
        return feed.told(came, waited_ms, marked)

    async def _late(self, connection: Connected, feed: Feed, marks: Sequence[LateMark]) -> Readings:
        spans = backlog.spans_of(marks)
        arrived_ms: dict[int, int] = {}
        for (group, _, _), at_ms in spans.items():
            arrived_ms[group] = max(at_ms, arrived_ms.get(group, 0))
        return feed.late(await _samples(connection, list(spans)), arrived_ms)


async def _samples(
    connection: Connected, spans: Sequence[tuple[int, int, int]], *, since: str | None = None
) -> list[StoredSample]:
    """Return the samples of spans (group, begin, end)."""
    found: list[StoredSample] = []
    for at in range(0, len(spans), SPANS_AT_ONCE):
        asked = [Span(group, from_ms(begin), from_ms(end)) for group, begin, end in spans[at : at + SPANS_AT_ONCE]]
        found += await samples_between(connection, asked, since=since)
    return found


def _known_silent(incidents: Sequence[Incident]) -> dict[int, int]:
    """Return the nodes that were told to be silent, and since when."""
    return {
        node_id: since_ms
        for incident in incidents
        if incident.book.returned_ms is None
        for node_id, since_ms in incident.book.silent.items()
    }
