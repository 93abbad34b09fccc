"""Who is there: asking unit ids one by one, and telling a device from silence, echoes, noise and collisions."""

from collections.abc import Iterable, Sequence

from siloscope_edge.doctor.exchange import READ_HOLDING, READ_INPUT, Outcome, read_pdu
from siloscope_edge.doctor.findings import Presence
from siloscope_edge.doctor.framing import has_swapped_checksum
from siloscope_edge.doctor.session import Session
from siloscope_edge.errors import Trouble

USUAL_UNITS = (1, 2, 3, 4, 5, 10, 240, 247, 254, 255)
"""Delivered with, or any-addresses: 240 Vaisala, 247 the last, 254 SenseAir's any-address, 255 a TCP host itself."""

_PATIENCE_S = 0.25
_LEAST_PATIENCE_S = 0.12
_LONG_S = 1.0
_LINGER_S = 0.06
_CONFIRMATIONS = 2
_NOISY = 6
"""So many unit ids that bring broken answers only: that is the line, not so many devices."""
_ALIKE = 4
"""So many units of a TCP host in a row that all answer: perhaps it looks at no unit id."""


def in_order(units: Iterable[int]) -> tuple[int, ...]:
    """Return unit ids with those first that devices are delivered with.

    >>> in_order(range(1, 13))[:7]
    (1, 2, 3, 4, 5, 10, 6)
    """
    wanted = set(units)
    usual = [unit for unit in USUAL_UNITS if unit in wanted]
    return (*usual, *sorted(wanted.difference(usual)))


class Scan:
    """Looks for devices on a bus.

    Args:
        session: Asks.
        patience_s: How long a device may think; None: by how those answer that are found.

    Attributes:
        found: What each unit id brought at which something is.
        silent: Unit ids that said nothing.
        any_unit: Whether the host answers alike whatever the unit id.
    """

    def __init__(self, session: Session, patience_s: float | None = None) -> None:
        self.found: dict[int, list[Outcome]] = {}
        self.silent: list[int] = []
        self.any_unit = False
        self._session = session
        self._fixed = patience_s is not None
        self._patience_s = patience_s if patience_s is not None else _PATIENCE_S
        self._longest_s = 0.0
        self._asked = 0

    async def sweep(self, units: Sequence[int], what: str, functions: Sequence[int] = (READ_HOLDING,)) -> None:
        """Ask each unit id, until one function brings something.

        Raises:
            Interrupted: The time is over.
            PortUnavailable: The port is gone.
        """
        before: int | None = None
        for at, unit in enumerate(units):
            self._session.progress(what, at, len(units))
            if unit in self.found:
                continue
            for function in functions:
                outcome = await self._session.ask(unit, read_pdu(function, 0, 1), self._patience_s)
                await self._take(unit, outcome, before)
                if unit in self.found:
                    break
            before = unit
            if await self._answers_to_any(min(_ALIKE, len(units))):
                break
        self._session.progress(what, len(units), len(units))

    @property
    def is_noisy(self) -> bool:
        """Whether noise comes whoever is asked: then it says nothing of the one who is asked."""
        only_broken = [each for each in self.found.values() if not any(outcome.is_alive for outcome in each)]
        return len(only_broken) >= _NOISY

    async def confirm(self) -> None:
        """Ask each found unit a few times more, and listen on for a second answer.

        Raises:
            Interrupted: The time is over.
            PortUnavailable: The port is gone.
        """
        for at, (unit, outcomes) in enumerate(sorted(self.found.items())):
            self._session.progress("asking again", at, len(self.found))
            for function in (READ_HOLDING, READ_INPUT) * _CONFIRMATIONS:
                patience_s = max(self._patience_s, self._session.record(unit).patience_s)
                linger_s = _LINGER_S if self._session.exchange.framing == "rtu" else 0.0
                outcomes.append(await self._session.ask(unit, read_pdu(function, 0, 1), patience_s, linger_s=linger_s))

    async def _take(self, unit: int, outcome: Outcome, before: int | None) -> None:
        if outcome.is_alive:
            self._add(unit, outcome)
        for late in outcome.late:
            if late == before:  # it answered, only after we had gone on
                self._patience_s = min(_LONG_S, 2 * self._patience_s)
                self._add(late, await self._session.ask(late, read_pdu(READ_HOLDING, 0, 1), _LONG_S))
        if outcome.is_broken and not outcome.late and not self.is_noisy:
            for suspect in (unit, before):
                if suspect is not None and suspect not in self.found:
                    again = await self._session.ask(suspect, read_pdu(READ_HOLDING, 0, 1), _LONG_S, linger_s=_LINGER_S)
                    if again.is_alive or again.is_broken:
                        self._add(suspect, again)
        if unit not in self.found and unit not in self.silent:
            self.silent.append(unit)

    def _add(self, unit: int, outcome: Outcome) -> None:
        self.found.setdefault(unit, []).append(outcome)
        if unit in self.silent:
            self.silent.remove(unit)
        self._session.devices = len(self.found)
        if outcome.is_alive and not self._fixed:
            self._longest_s = max(self._longest_s, outcome.took_s)
            self._patience_s = min(_LONG_S, max(_LEAST_PATIENCE_S, 3 * self._longest_s))

    async def _answers_to_any(self, alike: int) -> bool:
        """Return whether a TCP host answers units that nobody can have set: then one of them stands for all."""
        if self._session.exchange.framing == "rtu" or self.silent or alike < 2 or len(self.found) != alike:
            return False
        first = next(iter(self.found.values()))[0].pdu
        if any(outcomes[0].pdu != first for outcomes in self.found.values()):
            return False
        for unit in (91, 173, 206):
            outcome = await self._session.ask(unit, read_pdu(READ_HOLDING, 0, 1), self._patience_s)
            if outcome.pdu != first:
                return False
        self.any_unit = True
        only = next(iter(self.found))
        self.found = {only: self.found[only]}
        self._session.devices = 1
        return True


def presence(outcomes: Sequence[Outcome], *, others_are_fine: bool) -> tuple[Presence, str]:
    """Return what is at a unit id, and what a technician should know about it.

    Args:
        outcomes: What it brought.
        others_are_fine: Whether other unit ids of the line answer soundly: then the line is not to blame.
    """
    if any(outcome.again for outcome in outcomes):
        return Presence.TWO_DEVICES, "Two sound answers came to one request: two devices have this unit id."
    alive = [outcome for outcome in outcomes if outcome.is_alive]
    broken = [outcome for outcome in outcomes if outcome.is_broken]
    if not alive and broken and all(has_swapped_checksum(outcome.raw) for outcome in broken):
        return Presence.SWAPPED_CHECKSUM, "Its checksum has its two bytes swapped: no Modbus master will accept it."
    if not alive and others_are_fine:
        share = f"{len(broken)} of {len(outcomes)} answers were broken while other unit ids answer soundly"
        return Presence.TWO_DEVICES, f"{share}: very likely two devices with this unit id. Unplug one and try again."
    if not alive:
        kinds = ", ".join(sorted({str(outcome.trouble) for outcome in broken}))
        causes = "two devices with this unit id, another speed or parity, or a bad line (termination, A and B, ground)"
        return Presence.GARBLED, f"Only broken answers ({kinds}): {causes}."
    if broken:
        share = f"{len(broken)} of {len(outcomes)} answers were broken"
        return Presence.UNSTEADY, f"{share}: a bad line, a device that needs rest, or two devices with this unit id."
    return Presence.DEVICE, ""


def line_notes(outcomes: Iterable[Outcome], echoes: int, *, noisy_line: bool) -> list[str]:
    """Return what is to be said of the line itself."""
    notes = []
    if noisy_line:
        notes.append(
            "Noise comes whoever is asked: A and B swapped, no termination or bias, no common ground, another master, "
            "or another speed. Mend that first."
        )
    heard = list(outcomes)
    if echoes:
        notes.append("The adapter sends back what it is sent (echo). That does no harm; it is told from answers.")
    noisy = sum(outcome.trouble is Trouble.NOISE for outcome in heard)
    if noisy:
        notes.append(f"{noisy} answers had noise before them or were noise: check termination, bias and ground.")
    return notes
