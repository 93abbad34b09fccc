"""Which configuration counts: the file at the site, and a version from afar on top of it. Durable at every step.

    fresh version ─ checked, devices read once ─▶ trial ─ link and devices came up ─▶ applied
                          │                         │ they did not, or a second start within the trial
                          ▼                         ▼
                       refused                  rolled back: the one before counts again

The journal is written before what it says is done, so whenever the machine stops, the next start knows what to do: a
trial goes on once, from its beginning; at a second start it is rolled back. A full disk lets no trial begin;
what ends one is done all the same, and kept as soon as the disk takes it.
"""

import hashlib
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import structlog
from msgspec import Struct
from msgspec.structs import replace

from siloscope_contract.desired import ConfigState, Desired, Outcome
from siloscope_edge import durable
from siloscope_edge.errors import Misconfigured
from siloscope_edge.installation import Installation
from siloscope_edge.remote.site_file import NotApplicable, SiteFile

_log = structlog.get_logger(__name__)
JOURNAL = "configuration.json"
STARTS_OF_A_TRIAL = 2
"""The one that began it, and one after a power cut; who needs a third has a configuration that ends the agent."""


class Trial(Struct, frozen=True):
    """A version that counts and is not confirmed yet."""

    desired: Desired
    file: str
    starts: int = 1


class Journal(Struct, frozen=True):
    """What is on the disk.

    Attributes:
        applied: The confirmed version that counts; None: the file alone.
        applied_to: Fingerprint of the file that it was applied to.
        trial: What counts instead, for now.
        newest: The newest version that was decided about.
        digest: Of its document: a version is never two.
        outcome: What became of it.
        reasons: Why.
        at_ms: When.
    """

    applied: Desired | None = None
    applied_to: str = ""
    trial: Trial | None = None
    newest: int | None = None
    digest: str = ""
    outcome: Outcome = Outcome.NONE
    reasons: tuple[str, ...] = ()
    at_ms: int | None = None


class Novelty(StrEnum):
    """What a version that came is to the ones before."""

    FRESH = "fresh"
    KNOWN = "known"  # decided already: brokers tell it at each connect
    OLDER = "older_version"
    REUSED = "version_reused"  # the number of another document


class Standing:
    """The file at the site, the journal beside the spool, and what follows from both.

    Args:
        file: The site's.
        directory: The agent's data directory.

    Attributes:
        installation: What counts now; valid after `begin`.
    """

    def __init__(self, file: SiteFile, directory: Path) -> None:
        self._file = file
        self._journal_file = directory / "remote" / JOURNAL
        self._journal = Journal()
        self._unkept = False
        self.installation: Installation

    @property
    def trial(self) -> Desired | None:
        """The version on trial."""
        return self._journal.trial.desired if self._journal.trial is not None else None

    def begin(self) -> Installation:
        """Settle what the start before left, and return what counts from now on.

        Raises:
            Misconfigured: The file at the site, which has to count alone, is wrong.
        """
        self._journal = durable.read(self._journal_file, Journal) or Journal()
        self._set_aside_if_edited()
        trial = self._journal.trial
        if trial is not None and trial.file != self._file.fingerprint:
            self._end_trial(["the file at the site was edited within the trial"], None)
        elif trial is not None and trial.starts >= STARTS_OF_A_TRIAL:
            self._end_trial([f"the agent ended {trial.starts} times within the trial"], None)
        elif trial is not None:
            self._write(trial=replace(trial, starts=trial.starts + 1))
        self.installation = self._counting()
        return self.installation

    def state(self, session: str, complaint: str = "") -> ConfigState:
        """Return what the platform is told."""
        journal = self._journal
        counting = self._desired_that_counts()
        return ConfigState(
            outcome=journal.outcome,
            desired=journal.newest,
            in_force=counting.version if counting is not None else None,
            reasons=journal.reasons,
            complaint=complaint,
            file=self._file.fingerprint,
            running=self._file.running(counting.document if counting is not None else {}),
            at_ms=journal.at_ms,
            session=session,
        )

    def novelty(self, desired: Desired) -> Novelty:
        """Say what a version is to the ones before."""
        newest = self._journal.newest
        if newest is None or desired.version > newest:
            return Novelty.FRESH
        if desired.version < newest:
            return Novelty.OLDER
        return Novelty.KNOWN if digest(desired) == self._journal.digest else Novelty.REUSED

    def candidate(self, desired: Desired) -> Installation:
        """Return what would count with a version.

        Raises:
            NotApplicable: It cannot be meant.
        """
        return self._file.with_document(desired.document, desired.version)

    def refuse(self, desired: Desired, reasons: list[str], at_ms: int | None) -> None:
        """Keep that a version never counted."""
        told = {"newest": desired.version, "digest": digest(desired)}
        self._write(**told, outcome=Outcome.REFUSED, reasons=tuple(reasons), at_ms=at_ms)

    def try_out(self, desired: Desired, candidate: Installation, at_ms: int | None) -> None:
        """Let a version count, until it is confirmed or rolled back.

        Raises:
            OSError: The disk does not take it: nothing has changed.
        """
        trial = Trial(desired, self._file.fingerprint)
        told = {"newest": desired.version, "digest": digest(desired)}
        journal = replace(self._journal, trial=trial, **told, outcome=Outcome.TRYING, reasons=(), at_ms=at_ms)
        durable.write(self._journal_file, journal)
        self._journal = journal
        self.installation = candidate

    def confirm(self, at_ms: int | None) -> None:
        """Let the version on trial count for good."""
        trial = self._journal.trial
        assert trial is not None, "only what is tried is confirmed"
        self._write(
            applied=trial.desired,
            applied_to=self._file.fingerprint,
            trial=None,
            outcome=Outcome.APPLIED,
            reasons=(),
            at_ms=at_ms,
        )

    def roll_back(self, reasons: list[str], at_ms: int | None) -> Installation:
        """Let count again what counted before the trial, and return it."""
        self._end_trial(reasons, at_ms)
        self.installation = self._counting()
        return self.installation

    def before_the_trial(self) -> Installation | None:
        """Return what counted before the version on trial; None where it would not count any more."""
        applied = self._journal.applied
        try:
            return self._file.alone() if applied is None else self.candidate(applied)
        except (NotApplicable, Misconfigured):
            return None

    def _set_aside_if_edited(self) -> None:
        journal = self._journal
        if journal.applied is not None and journal.applied_to != self._file.fingerprint:
            reason = f"the file at the site was edited after version {journal.applied.version} was applied to it"
            self._set_aside(reason)

    def _set_aside(self, reason: str) -> None:
        _log.warning("configuration_set_aside", reason=reason)
        self._write(applied=None, trial=None, outcome=Outcome.SET_ASIDE, reasons=(reason,), at_ms=None)

    def _counting(self) -> Installation:
        desired = self._desired_that_counts()
        if desired is None:
            return self._file.alone()
        try:
            return self.candidate(desired)
        except NotApplicable as error:
            if self._journal.trial is not None:
                self._end_trial([str(error)], None)
                return self._counting()
            self._set_aside(f"version {desired.version} does not fit to the file at the site any more: {error}")
            return self._file.alone()

    def _desired_that_counts(self) -> Desired | None:
        trial = self._journal.trial
        return trial.desired if trial is not None else self._journal.applied

    def _end_trial(self, reasons: list[str], at_ms: int | None) -> None:
        self._write(trial=None, outcome=Outcome.ROLLED_BACK, reasons=tuple(reasons), at_ms=at_ms)

    def keep(self) -> bool:
        """Write what the disk did not take before, and return whether it is there."""
        if self._unkept:
            try:
                durable.write(self._journal_file, self._journal)
            except OSError as error:
                _log.error("configuration_not_kept", detail=str(error))
                return False
            self._unkept = False
        return True

    def _write(self, **changes: Any) -> None:
        self._journal = replace(self._journal, **changes)
        self._unkept = True
        self.keep()


def digest(desired: Desired) -> str:
    """Return what tells one document and its conditions from another."""
    said = [desired.document, desired.confirm_within_s, desired.may_be_silent]
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()
