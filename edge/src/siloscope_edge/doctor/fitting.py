"""Which of the shipped profiles fit what a device holds: no more requests, only what was read already. Pure."""

from collections.abc import Mapping, Sequence

from siloscope_contract.quality import Quality
from siloscope_edge.doctor.findings import TableFindings
from siloscope_edge.doctor.seeds import shipped_profiles
from siloscope_edge.doctor.senses import sense_of
from siloscope_edge.drivers.modbus.profile import BIT_TABLES, ModbusProfile, RegisterChannel
from siloscope_edge.drivers.modbus.registers import decoder_for

_SHOWN = 3
_LEAST_SHARE = 0.6
"""So much of a profile's channels must have a value, or say in the profile's own word that the sensor is missing."""


def fitting(tables: Sequence[TableFindings]) -> list[str]:
    """Return the names of shipped profiles whose channels all stand in what was read, and make sense; the best first.

    Best is which explains the most registers with usual values.
    """
    found = {table.table: {at: words[-1] for at, words in table.words.items()} for table in tables}
    everywhere = any(table.answers_everywhere for table in tables)
    scores = [(_score(profile, found), profile.profile) for profile in shipped_profiles()]
    least = 3.0 if everywhere else 1.0  # who answers everywhere has every profile's registers: it must show more
    return [name for score, name in sorted(scores, key=lambda each: -each[0]) if score >= least][:_SHOWN]


def _score(profile: ModbusProfile, found: Mapping[str, Mapping[int, int]]) -> float:
    """Return how many channels hold a usual value; 0 where the profile cannot be."""
    values = missing = 0
    usual = 0.0
    for channel in profile.channels:
        words = _words(channel, found)
        if words is None:
            return 0.0
        value, quality = decoder_for(channel)(words)
        if value is None:
            missing += quality == Quality.SENSOR_MISSING  # a sentinel that the profile knows: that is no accident
            continue
        values += 1
        if value:
            sense = sense_of(channel.quantity)
            usual += 1.0 if sense.density(value) >= 0.02 * sense.peak else -0.5
    fits = values > 0 and values + missing >= _LEAST_SHARE * len(profile.channels)
    return max(0.0, usual + 0.2 * missing) if fits else 0.0


def _words(channel: RegisterChannel, found: Mapping[str, Mapping[int, int]]) -> bytes | None:
    stood = found.get(channel.table, {})
    wanted = range(channel.address, channel.address + channel.size)
    if any(at not in stood for at in wanted):
        return None
    if channel.table in BIT_TABLES:
        return bytes(stood[at] for at in wanted)
    return b"".join(stood[at].to_bytes(2) for at in wanted)
