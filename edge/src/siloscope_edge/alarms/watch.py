"""The watch: takes each reading as it comes, keeps the alarms, and tells outputs, spool, log and metrics."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import structlog

from siloscope_contract.gaps import Gap, GapKind
from siloscope_contract.packs import Sample
from siloscope_contract.quality import Quality
from siloscope_edge.alarms import channels
from siloscope_edge.alarms.actuator import Actuator, Switch
from siloscope_edge.alarms.machine import Machine, Phase, Standing, standing_of, together
from siloscope_edge.alarms.memory import Memory, recalled, remembered
from siloscope_edge.alarms.outputs import Output
from siloscope_edge.alarms.rules import AlarmRule
from siloscope_edge.installation import Installation
from siloscope_edge.metrics import Metrics
from siloscope_edge.readings import Reading, failed
from siloscope_process.clock import Clock

_log = structlog.get_logger(__name__)
_LOOK_EVERY_S = 1.0
_REMEMBER_AT_MOST_EVERY_S = 10.0
_LEAVING_S = 10.0
MakeSwitch = Callable[[Output, Callable[[], Sequence[str]]], Switch]
"""Makes the switch of an output; it may ask which alarms want it on."""


class Alarm:
    """One alarm and the last readings that it is about."""

    def __init__(self, rule: AlarmRule, period_s: float, phase: Phase) -> None:
        self.rule = rule
        self.period_s = period_s
        self.machine = Machine(rule, period_s, phase)
        self._patience_s = rule.patience_s(period_s)
        self._standings: dict[str, tuple[Standing, float]] = {}

    def take(self, sample: Sample, now_s: float) -> None:
        """Take in what its device just said."""
        for key, value, quality in zip(sample.names, sample.values, sample.quality, strict=True):
            if key in self.rule.channels:
                self._standings[key] = standing_of(self.rule, value, quality), now_s

    def standing(self, now_s: float) -> Standing:
        """Return where its readings stand together; those that are too old, or never came, are unknown."""
        return together(self._standing(key, now_s) for key in self.rule.channels)

    def _standing(self, key: str, now_s: float) -> Standing:
        standing, at_s = self._standings.get(key, (Standing.UNKNOWN, now_s))
        return standing if now_s - at_s <= self._patience_s else Standing.UNKNOWN


class AlarmWatch:
    """The alarms of an installation.

    Args:
        installation: Rules and outputs.
        directory: Where they are remembered across a restart.
        switch: Makes the switch of an output.
        clock: Tells when.
        metrics: Counts.
        take_sample: Gets what alarms and outputs say of themselves.
        take_gap: Gets a gap record where the whole agent stood still.
        instant_ms: Tells the instant that it is of.
    """

    def __init__(
        self,
        installation: Installation,
        directory: Path,
        switch: MakeSwitch,
        clock: Clock,
        metrics: Metrics,
        take_sample: Callable[[Sample], None],
        take_gap: Callable[[Gap], None],
        instant_ms: Callable[[], int],
    ) -> None:
        self._directory = directory
        self._make_switch = switch
        self._clock = clock
        self._metrics = metrics
        self._take_sample = take_sample
        self._take_gap = take_gap
        self._instant_ms = instant_ms
        self._memory = recalled(directory)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="alarms")
        self._told_at_s = clock.monotonic_s()
        self._told_ms = 0
        self._dirty = True
        self._unsaved = False
        self._group: asyncio.TaskGroup | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.alarms: dict[str, Alarm] = {}
        self.actuators: dict[str, Actuator] = {}
        self._adopt(installation)

    def begins(self, poller: object) -> None:
        """A bus that is read says more by its samples."""

    def ends(self, poller: object) -> None:
        """A bus that is read no longer leaves readings that grow old."""

    def saw(self, sample: Sample, took_s: float | None = None) -> None:
        """Take in what a device just said; in no time, for its bus waits."""
        now_s = self._clock.monotonic_s()
        for alarm in self.alarms.values():
            if alarm.rule.device == sample.device:
                alarm.take(sample, now_s)
                self._step(alarm, now_s)

    def reset(self, name: str) -> bool:
        """Let go of an alarm that is latched; return whether it was.

        Raises:
            KeyError: There is no such alarm.
        """
        alarm = self.alarms[name]
        if not alarm.machine.reset():
            return False
        _log.info("alarm_reset", alarm=name)
        self._changed_phase(alarm)
        return True

    def why(self, output: str) -> list[str]:
        """Return the alarms that want an output on."""
        return [
            name
            for name, alarm in self.alarms.items()
            if alarm.machine.phase.switches and output in alarm.rule.switches
        ]

    async def run(self) -> None:
        """Watch until cancelled. The outputs stay as they are: who restarts the agent must not silence a siren."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self._start()
                group.create_task(self._keep_memory())
                while True:
                    self._look()
                    await self._clock.sleep(_LOOK_EVERY_S)
        finally:
            self._group = None
            self._tasks.clear()
            if self._dirty:
                self._tell(self._clock.monotonic_s())
            if self._unsaved:
                await self._remember()
            self._thread.shutdown(wait=False)

    async def change_to(self, installation: Installation) -> None:
        """Watch what another installation says; what is the same in both goes on, what leaves is switched off."""
        staying = {each.name: each for each in installation.outputs}
        leaving = [each for name, each in self.actuators.items() if staying.get(name) != each.output]
        for each in leaving:
            each.leave()
        waited_s = 0.0
        while waited_s < _LEAVING_S and self._group is not None and not all(each.is_settled for each in leaving):
            await self._clock.sleep(0.1)
            waited_s += 0.1
        for each in leaving:
            name = each.output.name
            if (task := self._tasks.pop(name, None)) is not None:
                task.cancel()
            if not each.is_settled:
                _log.error("output_left", output=name, detail=each.detail or "it could not be switched off in time")
            self._memory.changes[name] = self._changes(name)
            del self.actuators[name]
        self._memory.phases |= {name: alarm.machine.phase for name, alarm in self.alarms.items()}
        self._adopt(installation)
        self._unsaved = True
        if self._group is not None:
            self._start()

    def _adopt(self, installation: Installation) -> None:
        periods = {each.name: each.period_s for found in installation.instruments.values() for each in found}
        before, self.alarms = self.alarms, {}
        for name in before.keys() - {rule.name for rule in installation.config.alarms}:
            self._metrics.alarm_phase.remove(name)
            self._metrics.alarm_unknown.remove(name)
        for rule in installation.config.alarms:
            known, period_s = before.get(rule.name), periods[rule.device]
            if known is None or (known.rule, known.period_s) != (rule, period_s):
                phase = known.machine.phase if known is not None else self._memory.phases.get(rule.name, Phase.CALM)
                known = Alarm(rule, period_s, phase)
            self.alarms[rule.name] = known
            self._metrics.alarm_phase.labels(rule.name).set(known.machine.phase)
            self._metrics.alarm_unknown.labels(rule.name).set(known.machine.is_unknown)
        for output in installation.outputs:
            if output.name not in self.actuators:
                self.actuators[output.name] = self._actuator(output)
        self._apply()
        self._dirty = True

    def _actuator(self, output: Output) -> Actuator:
        name = output.name
        switch = self._make_switch(output, lambda: self.why(name))
        return Actuator(output, switch, self._clock, self._metrics, self._note)

    def _start(self) -> None:
        assert self._group is not None, "the watch has begun"
        for name, actuator in self.actuators.items():
            if name not in self._tasks:
                self._tasks[name] = self._group.create_task(actuator.run())

    def _look(self) -> None:
        now_s = self._clock.monotonic_s()
        for alarm in self.alarms.values():
            self._step(alarm, now_s)
        silent_s = now_s - self._told_at_s
        if silent_s >= 2 * channels.PERIOD_S and self.alarms:
            self._take_gap(self._stood_still(silent_s))
        if self._dirty or silent_s >= channels.PERIOD_S - _LOOK_EVERY_S:
            self._tell(now_s)

    def _stood_still(self, silent_s: float) -> Gap:
        now_ms = self._instant_ms()
        from_ms = now_ms - round(1000 * (silent_s - channels.PERIOD_S))
        missed = int(silent_s // channels.PERIOD_S) - 1
        detail = "the agent stood still"
        return Gap(GapKind.AGENT_OFF, from_ms, now_ms, device=channels.ALARMS_DEVICE, count=missed, detail=detail)

    def _step(self, alarm: Alarm, now_s: float) -> None:
        before, was_unknown = alarm.machine.phase, alarm.machine.is_unknown
        phase = alarm.machine.step(now_s, alarm.standing(now_s))
        if phase is not before:
            self._changed_phase(alarm, before)
        if alarm.machine.is_unknown is not was_unknown:
            self._dirty = True
            self._metrics.alarm_unknown.labels(alarm.rule.name).set(alarm.machine.is_unknown)

    def _changed_phase(self, alarm: Alarm, before: Phase = Phase.LATCHED) -> None:
        phase, name = alarm.machine.phase, alarm.rule.name
        if phase.switches is not before.switches:
            what = "alarm_opened" if phase.switches else "alarm_cleared"
            _log.warning(what, alarm=name, device=alarm.rule.device, unknown=alarm.machine.is_unknown)
        else:
            _log.info("alarm_phase", alarm=name, phase=phase.name.lower())
        self._metrics.alarm_phase.labels(name).set(phase)
        self._unsaved = True
        self._apply()
        self._tell(self._clock.monotonic_s())  # at once: it may be over before the next look

    def _apply(self) -> None:
        for name, actuator in self.actuators.items():
            actuator.want(on=bool(self.why(name)))

    def _note(self) -> None:
        self._dirty = self._unsaved = True

    def _tell(self, now_s: float) -> None:
        readings: list[tuple[str, Reading]] = []
        for name, alarm in self.alarms.items():
            reading = channels.phase_reading(alarm.machine.phase, is_unknown=alarm.machine.is_unknown)
            readings.append((channels.alarm_key(name), reading))
        for name, actuator in self.actuators.items():
            if (outcome := _outcome(actuator)) is not None:
                readings.append((channels.output_key(name), outcome))
            readings.append((channels.changes_key(name), Reading(float(self._changes(name)), 0)))
        self._told_at_s, self._dirty = now_s, False
        if readings:
            self._told_ms = max(self._told_ms + 1, self._instant_ms())  # two of one instant would be one sample
            self._take_sample(channels.sample(self._told_ms, readings))

    async def _keep_memory(self) -> None:
        while True:
            if self._unsaved:
                await self._remember()
                await self._clock.sleep(_REMEMBER_AT_MOST_EVERY_S - _LOOK_EVERY_S)
            await self._clock.sleep(_LOOK_EVERY_S)

    async def _remember(self) -> None:
        """Write down what is open; on a thread, for a siren does not wait for a disk."""
        phases = {name: alarm.machine.phase for name, alarm in self.alarms.items()}
        memory = Memory(phases, {name: self._changes(name) for name in self.actuators})
        self._unsaved, taken = False, False
        try:
            run = asyncio.get_running_loop().run_in_executor
            taken = await run(self._thread, remembered, self._directory, memory)
        finally:
            self._unsaved |= not taken

    def _changes(self, name: str) -> int:
        return self._memory.changes.get(name, 0) + self.actuators[name].changes


def _outcome(actuator: Actuator) -> Reading | None:
    """Return what an output does, or why it could not be brought to what it should do; None while nobody knows yet."""
    if actuator.failure is not None:
        return failed(Quality(actuator.failure))
    return Reading(float(actuator.is_on), 0) if actuator.is_on is not None else None
