"""Which jobs there are."""

from collections.abc import Sequence

from siloscope_ingest.jobs.compression import Compression
from siloscope_ingest.jobs.epochs import EpochsJob
from siloscope_ingest.jobs.gaps import GapsJob
from siloscope_ingest.jobs.job import Job
from siloscope_ingest.jobs.metrics import JobMetrics
from siloscope_ingest.jobs.quarantine import QuarantineJob
from siloscope_ingest.jobs.relative_messages import RelativeMessagesJob
from siloscope_ingest.jobs.retention import Retention
from siloscope_ingest.jobs.rollups import Rollups
from siloscope_ingest.jobs.settings import JobsSettings
from siloscope_process.clock import Clock


def jobs(settings: JobsSettings, clock: Clock, metrics: JobMetrics) -> Sequence[Job]:
    """Return every job, each with a session and a lock of its own: a long one holds up no other."""
    return [
        Rollups(settings.rollup_grace_s, clock, metrics),
        GapsJob(),
        RelativeMessagesJob(clock),
        EpochsJob(),
        QuarantineJob(settings.quarantine_days, settings.quarantine_mib * 2**20),
        Retention(settings.database_url, settings.archive_directory, clock, metrics),
        Compression(settings.database_url, settings.compress_after_days, clock),
    ]
