"""Channels as the store has them, as the engine takes them."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from siloscope_alerting.columns import BoundRule, Catalogue, ChannelFacts, Int64
from siloscope_contract.alerts.rules import Rule
from siloscope_store.alert_catalogue import StoredRule, WatchedChannel

MOST_POSITIONS = 256
_NO_TAGS: Mapping[str, str] = {}
_FIELDS = ChannelFacts.__struct_fields__
_before_tags = attrgetter(*_FIELDS[: _FIELDS.index("tags")])
_behind_tags = attrgetter(*_FIELDS[_FIELDS.index("tags") + 1 : _FIELDS.index("title")])


def catalogue(channels: Sequence[WatchedChannel], names: Mapping[tuple[str, int], str]) -> Catalogue:
    """Return all channels in the order of the store, with their tags and titles."""
    return Catalogue([_facts(each) for each in channels], names)


def bound(rules: Sequence[StoredRule]) -> tuple[list[BoundRule], list[tuple[int, str]]]:
    """Read rules; return those that can be read, and id and reason of those that cannot.

    A rule that a newer version wrote must not stop the others.
    """
    good, faults = [], []
    for each in rules:
        try:
            rule = msgspec.convert(each.document, Rule)
        except msgspec.ValidationError as error:
            faults.append((each.rule_id, str(error)))
            continue
        good.append(BoundRule(each.rule_id, each.version, each.org_id, rule))
    return good, faults


def keys_of(channels: Sequence[ChannelFacts]) -> Int64:
    """Return a number for each channel's group and position, ascending as the catalogue is."""
    return np.array([each.group_id * MOST_POSITIONS + each.position for each in channels], np.int64)


def _facts(channel: WatchedChannel) -> ChannelFacts:
    own, of_place = channel.device_attributes, channel.place_attributes
    tags = {**_texts(own), **_texts(of_place)} if own or of_place else _NO_TAGS
    title, fill_level = channel.title or channel.key, _number(of_place.get("fill_level")) if of_place else None
    return ChannelFacts(*(*_before_tags(channel), tags, *_behind_tags(channel), title, fill_level))


def _texts(attributes: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in attributes.items() if not isinstance(value, dict | list)}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        return None
