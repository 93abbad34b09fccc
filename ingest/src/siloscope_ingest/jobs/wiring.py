"""Which jobs there are."""

from collections.abc import Sequence

from siloscope_ingest.jobs.gaps import GapsJob
from siloscope_ingest.jobs.job import Job
from siloscope_ingest.jobs.metrics import JobMetrics
from siloscope_ingest.jobs.settings import JobsSettings
from siloscope_process.clock import Clock


def jobs(_settings: JobsSettings, _clock: Clock, _metrics: JobMetrics) -> Sequence[Job]:
    """Return every job, each with a session and a lock of its own: a long one holds up no other."""
    return [GapsJob()]
