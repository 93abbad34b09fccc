"""A test stand for the engine: channels and rules in a few words, readings by minute, states as letters."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from siloscope_alerting.columns import BoundRule, Catalogue, ChannelFacts, Judgement, Maintenance, Outcome, Readings
from siloscope_alerting.engine.evaluation import Engine
from siloscope_alerting.life import Key, Memory, Retrospect
from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.words import State, SubjectKind
from siloscope_contract.quality import Quality

MINUTE_MS = 60_000
START_MS = 1_767_225_600_000  # 2026-01-01, a Thursday
LETTERS = {State.OK: "o", State.PENDING: "p", State.FIRING: "F", State.CLEARING: "c", State.UNKNOWN: "u"}
ORGANISATION, SITE, NODE, DEVICE, BIN = 1, 10, 100, 1000, 50


def channel(channel_id: int, **changed: Any) -> ChannelFacts:
    """Return a temperature of bin 7 that is expected every minute."""
    usual: dict[str, Any] = {
        "channel_id": channel_id,
        "group_id": channel_id,
        "position": 0,
        "org_id": ORGANISATION,
        "site_id": SITE,
        "node_id": NODE,
        "device_id": DEVICE,
        "place_id": BIN,
        "site": "north",
        "node": "pi",
        "device": "cable",
        "key": f"t{channel_id}",
        "place": "bin-7",
        "place_kind": "bin",
        "spot": f"spot-{channel_id}",
        "cable": 1,
        "level": 1,
        "quantity": "temperature",
        "unit": "Cel",
        "tags": {},
        "interval_s": 60.0,
        "allowance_s": 120.0,
        "vitals": False,
        "time_zone": "Etc/UTC",
        "title": f"Temperature {channel_id}",
    }
    return ChannelFacts(**(usual | changed))


def rule(slug: str, condition: Mapping[str, Any], **also: Any) -> Rule:
    """Return a rule."""
    return msgspec.convert({"rule": slug, "name": slug, "condition": condition, **also}, Rule, strict=True)


HOT = {"kind": "threshold", "above": 30.0, "clear": 28.0}


def hot(**also: Any) -> Rule:
    """Return the rule `hot`."""
    return rule("hot", HOT, **also)


class Stand:
    """An engine with channels and rules; minutes count from START_MS."""

    def __init__(
        self, channels: Sequence[ChannelFacts], rules: Sequence[Rule], memories: Mapping[Key, Memory] | None = None
    ) -> None:
        self.engine = Engine()
        self.channels = list(channels)
        self.rules = [BoundRule(number, 1, ORGANISATION, each) for number, each in enumerate(rules, 1)]
        self.memories: dict[Key, Memory] = dict(memories or {})
        self.retrospects: list[Retrospect] = []
        self.told: list[tuple[str, int, str, str]] = []
        self.outcome = self.take(self.engine.arrange(Catalogue(self.channels), self.rules, self.memories))
        self.minute = 0.0

    def take(self, outcome: Outcome) -> Outcome:
        """Keep what a round found."""
        for key, memory in outcome.memories.items():
            self.memories[key] = memory
            if memory == Memory():
                del self.memories[key]
        slugs = {each.rule_id: each.rule.rule for each in self.rules}
        for each in outcome.transitions:
            change = each.change
            self.told.append(
                (slugs.get(each.key.rule_id, "?"), each.key.subject_id, change.after.value, change.reason.value)
            )
        self.retrospects += outcome.retrospects
        self.outcome = outcome
        return outcome

    def rearrange(
        self, channels: Sequence[ChannelFacts] | None = None, rules: Sequence[BoundRule] | None = None
    ) -> Outcome:
        """Change channels or rules."""
        self.channels = self.channels if channels is None else list(channels)
        self.rules = self.rules if rules is None else list(rules)
        return self.take(self.engine.arrange(Catalogue(self.channels), self.rules, self.memories))

    def readings(self, said: Sequence[tuple[int, float, float | None]], *, late: bool = False) -> Readings:
        """Return readings: channel, minute, value; None = bad."""
        rows = {each.channel_id: row for row, each in enumerate(self.channels)}
        return Readings(
            np.array([rows[channel_id] for channel_id, _, _ in said], np.int32),
            np.array([START_MS + round(minute * MINUTE_MS) for _, minute, _ in said], np.int64),
            np.array([np.nan if value is None else value for _, _, value in said], np.float64),
            np.array([Quality.COMM_FAILURE if value is None else 0 for _, _, value in said], np.int16),
            np.full(len(said), late),
        )

    def round(
        self,
        *said: tuple[int, float, float | None],
        at: float | None = None,
        late: bool = False,
        maintenance: Sequence[Maintenance] = (),
        **judged: Any,
    ) -> Outcome:
        """Evaluate readings; server time is that of the newest unless told."""
        self.minute = at if at is not None else max([self.minute, *(minute for _, minute, _ in said)])
        now_ms = START_MS + round(self.minute * MINUTE_MS)
        judgement = Judgement(absent_to_ms=now_ms, now_ms=now_ms, maintenance=maintenance, **judged)
        return self.take(self.engine.round(self.readings(said, late=late), judgement))

    def play(self, channel_id: int, values: Sequence[float | None], *, begin: float = 1) -> str:
        """Play a value a minute, each in a round of its own; return the states of rule 1's alert of the channel."""
        states = ""
        for minute, value in enumerate(values):
            self.round((channel_id, begin + minute, value))
            states += self.state(channel_id)
        return states

    def state(self, subject_id: int, *, rule_id: int = 1, kind: SubjectKind = SubjectKind.CHANNEL) -> str:
        """Return the letter of a subject's state."""
        return LETTERS[self.memories.get(Key(rule_id, kind, subject_id), Memory()).state]

    def reasons(self, slug: str | None = None) -> list[str]:
        """Return why states changed."""
        return [reason for rule_slug, _, _, reason in self.told if slug in (None, rule_slug)]


def at_ms(minute: float) -> int:
    """Return the time of a minute."""
    return START_MS + round(minute * MINUTE_MS)


def recall(stand: Stand, said: Sequence[tuple[int, float, float | None]]) -> None:
    """Fill the windows of a stand that has just begun with what was said before."""
    rows = {each.channel_id: row for row, each in enumerate(stand.channels)}
    wanted = stand.engine.wanted_history()
    found = {}
    for channel_id, row in rows.items():
        mine = sorted(each for each in said if each[0] == channel_id and row in wanted)
        values = [np.nan if value is None else value for _, _, value in mine]
        found[row] = (np.array([at_ms(minute) for _, minute, _ in mine], np.int64), np.array(values, np.float64))
    stand.engine.recall(found)
