"""What is answered, as documents of JSON. Ages are by the clock of the boot, never by the wall clock."""

import asyncio
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

import msgspec

from siloscope_contract.births import ClockState
from siloscope_contract.quality import BY_REASON, grade
from siloscope_edge.attendance import Attendance
from siloscope_edge.config import VITALS_DEVICE, Bus
from siloscope_edge.instruments import Instrument
from siloscope_edge.page.board import Seen
from siloscope_edge.page.history import DAY_S, DeviceHistory
from siloscope_edge.page.station import Station, count_of
from siloscope_edge.polling import Poller
from siloscope_edge.profiles import Channel
from siloscope_process.clock import from_ms

_LATE_PERIODS = 3
_LATE_AT_LEAST_S = 10.0
"""A value this much older than its period is stale, however short the period."""
_AT_ONCE = 500
"""Channels that are written without a pause: polling comes first."""
_REASONS = {int(code): code.reason for code in BY_REASON.values()}
_FEW_CHANNELS = 400

Json = dict[str, Any]


async def status(station: Station) -> Json:
    """Return how the agent, its link, its spool, its clock, its buses and devices are."""
    config, instant_ms = station.installation().config, station.guard.boot_ms()
    pollers = {poller.name: poller for poller in station.board.pollers}
    channels = sum(map(len, station.channels().values()))
    return {
        "node": {
            "organisation": config.organisation,
            "site": config.site,
            "node": config.node,
            "version": version("siloscope-edge"),
        },
        "instant_s": _rounded(instant_ms / 1000),
        "refresh_s": 2 if channels <= _FEW_CHANNELS else 5,
        "clock": _clock(station, instant_ms),
        "link": _link(station),
        "spool": await _spool(station, instant_ms),
        "history": {"step_s": station.board.step_s, "channels": channels},
        "buses": [_bus(station, bus, pollers.get(bus.name), instant_ms) for bus in config.buses],
    }


async def values(station: Station, only: Sequence[str] | None = None) -> Json:
    """Return the last value of each channel, with its age and quality.

    Args:
        station: Where.
        only: Devices; None: all, the agent itself last.
    """
    instant_ms = station.guard.boot_ms()
    titles = {each.name: each for found in station.installation().instruments.values() for each in found}
    devices: list[msgspec.Raw] = []
    written = 0
    for name, channels in station.channels().items():
        if only is not None and name not in only:
            continue
        document = _values(station.board.of(name), name, titles.get(name), channels, station, instant_ms)
        devices.append(msgspec.Raw(msgspec.json.encode(document)))
        written += len(channels)
        if written >= _AT_ONCE:
            written = 0
            await asyncio.sleep(0)
    return {"instant_s": _rounded(instant_ms / 1000), "devices": devices}


async def history(
    station: Station, device: str, history: DeviceHistory, only: str | None = None, step_s: int = 60
) -> Json:
    """Return the last 24 hours of a device's channels.

    Args:
        station: Where.
        device: Which.
        history: Its day.
        only: One channel; None: all.
        step_s: Steps are taken together until they are as long.
    """
    instant_ms = station.guard.boot_ms()
    merged = max(1, min(step_s, DAY_S // 4) // history.step_s)
    under_way = history.under_way()
    found: list[msgspec.Raw] = []
    for at, channel in enumerate(station.channels()[device]):
        if only is not None and channel.key != only:
            continue
        curve = history.curve(at, instant_ms, merged, under_way)
        document = {
            "key": channel.key,
            "unit": channel.unit,
            "least": _all_shown(curve.least, channel),
            "mean": _all_shown(curve.mean, channel),
            "greatest": _all_shown(curve.greatest, channel),
            "flags": "".join(map(str, curve.flags)),
        }
        found.append(msgspec.Raw(msgspec.json.encode(document)))
        await asyncio.sleep(0)
    return {
        "device": device,
        "instant_s": _rounded(instant_ms / 1000),
        "from_s": history.starts_at_ms(instant_ms, merged) // 1000,
        "step_s": history.step_s * merged,
        "channels": found,
    }


def _clock(station: Station, instant_ms: int) -> Json:
    base = station.guard.base
    stands = "known" if base.stamp.known else "provisional" if base.final else "waiting"
    dated = from_ms(base.stamp.base_ms + instant_ms).isoformat(timespec="seconds") if stands != "waiting" else None
    return {
        "synchronised": station.guard.state is ClockState.SYNCHRONISED,
        "dates": stands,
        "now": dated,
        "wall": from_ms(station.clock.now_ms()).isoformat(timespec="seconds"),
        "drift_ppm": round(station.guard.drift_ppm, 1),
        "undated_packs": station.keeper.undated,
    }


def _link(station: Station) -> Json:
    sender, mqtt, now_s = station.sender, station.installation().config.mqtt, station.clock.monotonic_s()
    up = sender.connected_at_s is not None
    since_s = sender.connected_at_s if sender.connected_at_s is not None else sender.lost_at_s
    return {
        "up": up,
        "broker": f"{mqtt.host}:{mqtt.port}",
        "since_s": _rounded(now_s - since_s),
        "detail": "" if up else station.ailment("link") or "",
        "confirmed_s": _rounded(now_s - sender.confirmed_at_s) if sender.confirmed_at_s is not None else None,
        "unacknowledged_packs": station.outbox.unacknowledged,
    }


async def _spool(station: Station, instant_ms: int) -> Json:
    state, metrics, base = await station.spool(), station.metrics, station.guard.base.stamp
    oldest_s = (base.base_ms + instant_ms - state.oldest_ms) / 1000 if state.oldest_ms is not None else None
    return {
        "owed_packs": station.outbox.owed,
        "undated_packs": station.keeper.undated,
        "unwritten_samples": station.keeper.waiting,
        "oldest_age_s": _rounded(max(0.0, oldest_s)) if oldest_s is not None else None,
        "used_bytes": state.used_bytes,
        "max_bytes": station.installation().config.spool.max_bytes,
        "evicted_packs": count_of(metrics.evicted_packs),
        "thinned_packs": count_of(metrics.thinned_packs),
        "dropped_samples": count_of(metrics.dropped_samples),
        "trouble": station.ailment("spool"),
    }


def _bus(station: Station, bus: Bus, poller: Poller | None, instant_ms: int) -> Json:
    turns = poller.turns if poller is not None else []
    return {
        "name": bus.name,
        "kind": bus.kind,
        "line": bus.line.where,
        "open": poller.port_is_open if poller is not None else False,
        "detail": poller.port_detail if poller is not None else "nobody reads it",
        "devices": [_device(station, poller, *turn, instant_ms) for turn in turns if poller is not None],
    }


def _device(station: Station, poller: Poller, instrument: Instrument, attendance: Attendance, instant_ms: int) -> Json:
    seen, now_s = station.board.of(instrument.name), station.clock.monotonic_s()
    rests_s = attendance.rested_until_s - now_s
    answers = seen.answers
    return {
        "name": instrument.name,
        "title": instrument.device.title or instrument.name,
        "profile": instrument.profile.profile,
        "where": instrument.device.where,
        "state": _state(poller, attendance, seen, instrument.name),
        "period_s": attendance.period_s,
        "age_s": _age_s(seen, instant_ms),
        "failures": attendance.failures,
        "rests_s": _rounded(rests_s) if attendance.silent and rests_s > 0 else None,
        "detail": poller.failures.get(instrument.name, ""),
        "polls": answers.polls,
        "answer_s": {
            "last": round(answers.last_s, 4),
            "mean": round(answers.mean_s, 4),
            "longest": round(answers.longest_s, 4),
        }
        if answers.polls
        else None,
        "troubles": {kind.value: count for kind, count in seen.troubles.items()},
    }


def _state(poller: Poller, attendance: Attendance, seen: Seen, device: str) -> str:
    if not poller.port_is_open and (seen.time_ms is not None or poller.port_detail):
        return "port_closed"
    if attendance.silent:
        return "silent"
    if attendance.failures:
        return "missed"
    if device in poller.failures:
        return "refuses"
    return "answers" if attendance.heard else "new"


def _values(
    seen: Seen,
    name: str,
    instrument: Instrument | None,
    channels: Sequence[Channel],
    station: Station,
    instant_ms: int,
) -> Json:
    config = station.installation().config
    period_s = instrument.period_s if instrument is not None else config.vitals_period_s or 0.0
    stale_after_s = max(_LATE_PERIODS * period_s, period_s + _LATE_AT_LEAST_S)
    if seen.keys != tuple(channel.key for channel in channels):
        seen = Seen()  # of a profile that is no longer read
    return {
        "device": name,
        "title": _title(name, instrument),
        "age_s": _age_s(seen, instant_ms),
        "stale_after_s": stale_after_s,
        "history": seen.history is not None,
        "channels": [
            {
                "key": channel.key,
                "title": channel.title or channel.key,
                "quantity": channel.quantity,
                "unit": channel.unit,
                "resolution": channel.resolution,
                **_reading(seen, at, instant_ms),
            }
            for at, channel in enumerate(channels)
        ],
    }


def _reading(seen: Seen, at: int, instant_ms: int) -> Json:
    code = seen.quality[at] if seen.time_ms is not None else None
    if code is None:
        return {"value": None, "quality": None, "reason": None, "last_good": None}
    value = seen.values[at]
    good = seen.good.get(at) if value is None else None
    return {
        "value": value,
        "quality": grade(code).value,
        "reason": _REASONS.get(code, str(code)) if code else None,
        "last_good": {"value": good[0], "age_s": _rounded((instant_ms - good[1]) / 1000)} if good else None,
    }


def _title(name: str, instrument: Instrument | None) -> str:
    if instrument is not None:
        return instrument.device.title or name
    return "Edge agent" if name == VITALS_DEVICE else name


def _age_s(seen: Seen, instant_ms: int) -> float | None:
    return _rounded((instant_ms - seen.time_ms) / 1000) if seen.time_ms is not None else None


def _all_shown(curve: Sequence[float | None], channel: Channel) -> list[float | None]:
    """Return the numbers without the digits that four bytes do not hold."""
    if channel.resolution is not None and channel.resolution >= 1e-6:
        digits = next(each for each in range(7) if channel.resolution >= 10**-each * 0.999) + 1
        return [round(each, digits) if each is not None else None for each in curve]
    return [float(f"{each:.6g}") if each is not None else None for each in curve]


def _rounded(seconds: float) -> float:
    return round(seconds, 1)
