"""What the agent counts, for Prometheus."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from siloscope_contract.quality import FIRST_BAD, Quality
from siloscope_edge.errors import Trouble
from siloscope_edge.readings import Columns


class Metrics:
    """The agent's metrics in a registry of their own."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._about_reading(registry)
        self._about_spool(registry)
        self._about_link(registry)
        self._about_clock(registry)
        self._about_alarms(registry)

    def read(self, device: str, readings: Columns) -> None:
        """Count a device's readings."""
        good = len(readings) - readings.values.count(None)
        if good:
            self._readings.labels(device, "good").inc(good)
        if good < len(readings):
            for value, code in zip(readings.values, readings.quality, strict=True):
                if value is None:
                    self._readings.labels(device, Quality(code).reason).inc()

    def conditioned(self, device: str, quality: Sequence[int], *, reported: bool) -> None:
        """Count what was doubted of a sample, and whether it was held back."""
        if not reported:
            self._held_back.labels(device).inc()
        for code in quality if any(quality) else ():
            if 0 < code < FIRST_BAD:
                self._doubted.labels(device, Quality(code).reason).inc()

    def polled(self, bus: str, device: str, took_s: float) -> None:
        """Note how long reading a device took."""
        self._poll_s.labels(device).observe(took_s)
        self._bus_busy.labels(bus).inc(took_s)

    def trouble(self, device: str, kind: Trouble) -> None:
        """Count a trouble with a device."""
        self._troubles.labels(device, kind.value).inc()

    def missed(self, device: str, turns: int) -> None:
        """Count turns that passed unused."""
        self._missed.labels(device).inc(turns)

    def _about_reading(self, registry: CollectorRegistry) -> None:
        self._readings = Counter(
            "siloscope_edge_readings", "Readings by device and quality", ["device", "quality"], registry=registry
        )
        self._poll_s = Histogram(
            "siloscope_edge_poll_seconds",
            "Time that reading a device took",
            ["device"],
            buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10),
            registry=registry,
        )
        self._bus_busy = Counter(
            "siloscope_edge_bus_busy_seconds", "Time that a bus was used for reading", ["bus"], registry=registry
        )
        self._troubles = Counter(
            "siloscope_edge_device_troubles", "What went wrong on a line", ["device", "kind"], registry=registry
        )
        self._missed = Counter(
            "siloscope_edge_missed_polls", "Turns that passed unused: the bus was busy", ["device"], registry=registry
        )
        self._doubted = Counter(
            "siloscope_edge_doubted_readings",
            "Readings that were marked as stuck or as a step",
            ["device", "reason"],
            registry=registry,
        )
        self._held_back = Counter(
            "siloscope_edge_held_back_samples", "Samples that said nothing new", ["device"], registry=registry
        )

    def _about_spool(self, registry: CollectorRegistry) -> None:
        self.spooled_packs = Counter("siloscope_edge_spooled_packs", "Packs spooled", registry=registry)
        self.evicted_packs = Counter(
            "siloscope_edge_evicted_packs", "Packs that were evicted uncommitted", registry=registry
        )
        self.undated_packs = Gauge("siloscope_edge_undated_packs", "Packs that wait for their dates", registry=registry)
        self.thinned_packs = Counter(
            "siloscope_edge_thinned_packs", "Packs that were thinned out uncommitted", registry=registry
        )
        self.dropped_samples = Counter(
            "siloscope_edge_dropped_samples", "Samples that the full disk could not take", registry=registry
        )
        self.spool_bytes = Gauge("siloscope_edge_spool_bytes", "Bytes of the spool's file in use", registry=registry)
        self.spool_share = Gauge(
            "siloscope_edge_spool_share",
            "Share of the spool's bound that is taken by what is not known to be committed",
            registry=registry,
        )
        self.spool_oldest_s = Gauge(
            "siloscope_edge_spool_oldest_seconds",
            "Age of the oldest sample that is not known to be committed",
            registry=registry,
        )
        self.owed_packs = Gauge(
            "siloscope_edge_owed_packs", "Packs spooled and not known to be committed", registry=registry
        )

    def _about_link(self, registry: CollectorRegistry) -> None:
        self.sent_packs = Counter("siloscope_edge_sent_packs", "Packs sent, by why", ["why"], registry=registry)
        self.watermarks = Counter(
            "siloscope_edge_watermarks", "Watermarks received, by what was decided", ["reason"], registry=registry
        )
        self.connects = Counter("siloscope_edge_connects", "Connections made to the broker", registry=registry)
        self.link_up = Gauge("siloscope_edge_link_up", "Whether the link to the broker stands", registry=registry)

    def _about_clock(self, registry: CollectorRegistry) -> None:
        self.clock_events = Counter(
            "siloscope_edge_clock_events", "What the clock did, by kind", ["kind"], registry=registry
        )
        self.clock_synchronised = Gauge(
            "siloscope_edge_clock_synchronised", "Whether the clock is known to be right now", registry=registry
        )
        self.clock_offset_s = Gauge(
            "siloscope_edge_clock_offset_seconds",
            "How far the wall clock is believed to be off; NaN while nothing is known",
            registry=registry,
        )
        self.clock_drift_ppm = Gauge(
            "siloscope_edge_clock_drift_ppm",
            "Correction of the oscillator, in millionths",
            registry=registry,
        )

    def _about_alarms(self, registry: CollectorRegistry) -> None:
        self.alarm_phase = Gauge(
            "siloscope_edge_alarm_phase",
            "Phase of a local alarm: 0 calm, 1 pending, 2 open, 3 clearing, 4 latched",
            ["alarm"],
            registry=registry,
        )
        self.alarm_unknown = Gauge(
            "siloscope_edge_alarm_unknown",
            "Whether a local alarm has no reading that counts",
            ["alarm"],
            registry=registry,
        )
        self.output_on = Gauge(
            "siloscope_edge_output_on",
            "What an output is known to do: 1 on, 0 off, -1 unknown",
            ["output"],
            registry=registry,
        )
        self.output_changes = Counter(
            "siloscope_edge_output_changes", "Times that an output was switched over", ["output"], registry=registry
        )
        self.output_failures = Counter(
            "siloscope_edge_output_failures",
            "Actions on an output that failed",
            ["output", "reason"],
            registry=registry,
        )
