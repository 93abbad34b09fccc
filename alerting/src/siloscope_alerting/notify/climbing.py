"""What a route's ladder does next about an incident: escalate, repeat, tell what was silenced, or wait. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from siloscope_alerting.notify.messages import incident_payload
from siloscope_alerting.notify.routing import BoundRoute, IncidentStanding, Routes, Told, first_steps, quiet_until
from siloscope_alerting.ports import IncidentFacts, Notification, NotificationKind
from siloscope_contract.alerts.routes import Route
from siloscope_contract.alerts.spans import seconds
from siloscope_process.clock import to_ms

LOOK_AGAIN_S = 15
"""What people may change at any moment, an acknowledgement or a silence, is looked at so often."""

UNASKED_LOOK_AGAIN_S = 300
"""A route that does not mean an incident may do so when further alerts join it."""


@dataclass(frozen=True)
class Rung:
    """Where an incident stands on a route's ladder.

    Attributes:
        step: How many steps are behind it; None = nobody has looked yet.
        repeats: How often it was repeated or begun anew.
    """

    step: int | None
    repeats: int


@dataclass(frozen=True)
class Climb:
    """What happens, and where the incident stands then; looked at again at `next_at`."""

    notifications: Sequence[Notification]
    rung: Rung
    next_at: datetime


def climb(routes: Routes, bound: BoundRoute, rung: Rung, incident: IncidentFacts, at: datetime) -> Climb:
    """Return what the ladder of one route does about an open incident.

    An acknowledgement begins the ladder anew: when another alert joins, its steps count from then on.
    """
    standing = routes.standing(incident, at)
    step = rung.step or 0
    if all(each.route_id != bound.route_id for each in routes.asked(incident, at)):
        return _wait(rung, at, UNASKED_LOOK_AGAIN_S if not bound.route.hours else LOOK_AGAIN_S)
    if standing.acknowledged:
        return _wait(Rung(0, rung.repeats + (1 if step else 0)), at)
    if standing.silenced or standing.idle:
        return _wait(rung, at)
    if quiet := quiet_until(bound.route, incident, at):
        return Climb((), rung, min(quiet, at + timedelta(seconds=LOOK_AGAIN_S)))
    return _climb(routes, bound, rung, incident, at, standing)


def _climb(
    routes: Routes, bound: BoundRoute, rung: Rung, incident: IncidentFacts, at: datetime, standing: IncidentStanding
) -> Climb:
    route, told, step = bound.route, routes.told(incident, bound), rung.step or 0
    first_after_s = seconds(route.steps[0].after)
    if rung.step is None and told is None and first_after_s:
        return Climb((), Rung(0, rung.repeats), at + timedelta(seconds=first_after_s))

    audible, heard = routes.audible(incident, at)

    def tell(steps: Sequence[int], kind: NotificationKind, count: int) -> list[Notification]:
        payload = incident_payload(audible, (), at, heard=heard)
        return routes.notifications(audible, bound, steps, kind, count, at, payload)

    if snooze_over := _untold_snooze(told, standing):
        assert told is not None
        again_to = range(min(told.steps, len(route.steps)))
        return Climb(tell(again_to, "repeated", to_ms(snooze_over)), rung, at + timedelta(seconds=LOOK_AGAIN_S))
    if told is not None and routes.missed(incident, bound, at):
        rows = tell(range(min(told.steps, len(route.steps))), "changed", to_ms(at))
        return Climb(rows, rung, at + timedelta(seconds=LOOK_AGAIN_S))
    if step < len(route.steps):
        steps = _together(route, step)
        kind: NotificationKind = "firing" if step == 0 else "escalated"
        count = 0 if step == 0 else rung.repeats
        after = Rung(steps[-1] + 1, rung.repeats)
        return Climb(tell(steps, kind, count), after, at + timedelta(seconds=_pause_s(route, steps[-1])))
    if route.repeat:
        again = Rung(step, rung.repeats + 1)
        rows = tell(range(len(route.steps)), "repeated", again.repeats)
        return Climb(rows, again, at + timedelta(seconds=seconds(route.repeat)))
    return _wait(rung, at)


def _wait(rung: Rung, at: datetime, for_s: float = LOOK_AGAIN_S) -> Climb:
    return Climb((), Rung(rung.step or 0, rung.repeats), at + timedelta(seconds=for_s))


def _untold_snooze(told: Told | None, standing: IncidentStanding) -> datetime | None:
    """Return when a snooze ended of which nobody has been told yet that the alert still fires."""
    over = standing.snooze_over
    return over if over is not None and told is not None and over > told.at else None


def _together(route: Route, step: int) -> list[int]:
    """Return a step and those that follow it at the same time."""
    if step == 0:
        return first_steps(route)
    return [
        number
        for number in range(step, len(route.steps))
        if seconds(route.steps[number].after) == seconds(route.steps[step].after)
    ]


def _pause_s(route: Route, step: int) -> float:
    """Return how long after a step the next one follows, or the first repetition."""
    if step + 1 < len(route.steps):
        return max(seconds(route.steps[step + 1].after) - seconds(route.steps[step].after), 0)
    return seconds(route.repeat) if route.repeat else LOOK_AGAIN_S
