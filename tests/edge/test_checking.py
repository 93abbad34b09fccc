"""The dry run: who answers late is no failed device, who refuses has answered, and a closed port is said at once."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from siloscope_contract.quality import Quality
from siloscope_edge import installation
from siloscope_edge.checking import DryRun
from siloscope_edge.driver import Note
from siloscope_edge.errors import PortUnavailable, ReadFailed
from siloscope_edge.instruments import Instrument
from siloscope_edge.readings import Columns, Reading
from siloscope_process.clock import ManualClock
from tests.edge.test_documents import CONFIG

SILENT = ReadFailed(Quality.COMM_FAILURE, "no answer within 1 s", answered=False)
TORN = ReadFailed(Quality.INVALID_FRAME, "3 bytes, but no valid answer", answered=True)
REFUSED = ReadFailed(Quality.DEVICE_EXCEPTION, "exception 2", answered=True)
GONE = PortUnavailable("tty/mast: the port is gone")


class Bus:
    """A port whose devices fail as told before they answer.

    Args:
        clock: A failure takes a second, an answer 40 ms.
        failures: One for each time that they are asked; none left: they answer.
        note: Counts troubles.
        shut: Whether it cannot be opened.
    """

    def __init__(self, clock: ManualClock, failures: list[Exception], note: Note, *, shut: bool) -> None:
        self.opened = 0
        self.is_open = False
        self._clock = clock
        self._failures = failures
        self._note = note
        self._shut = shut

    async def open(self) -> None:
        self.opened += 1
        if self._shut:
            raise PortUnavailable("no such port")
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    async def read(self, instrument: Instrument) -> Sequence[Reading]:
        if not self._failures:
            self._clock.advance(0.04)
            count = len(instrument.profile.channels)
            return Columns([21.9] * count, [0] * count)
        self._clock.advance(1)
        failure = self._failures.pop(0)
        if isinstance(failure, ReadFailed):
            self._note(instrument.name, failure.trouble)
        else:
            self.is_open = False
        raise failure


Checked = Callable[..., tuple[DryRun, list[Bus]]]


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    file = tmp_path / "edge.yaml"
    file.write_text(CONFIG)
    found = installation.read(file)

    def dry_run(*failures: Exception, shut: bool = False) -> tuple[DryRun, list[Bus]]:
        """Return a dry run of two devices, of which the first fails so."""
        made: list[Bus] = []
        clock = ManualClock()

        def opened(_line: object, _instruments: object, _clock: object, note: Note) -> Bus:
            made.append(Bus(clock, [] if made else list(failures), note, shut=shut))
            return made[-1]

        drivers = {name: replace(driver, bus=opened) for name, driver in found.drivers.items()}
        return DryRun(replace(found, drivers=drivers), clock), made

    return dry_run


async def told(dry: DryRun) -> list[str]:
    """Return the lines that are about devices, not channels."""
    return [line async for line in dry.lines() if not line.startswith("  ")]


async def test_who_answers_at_once_is_asked_once(checked: Checked) -> None:
    dry, buses = checked()
    assert await told(dry) == ["heads/head-1: answered in 40 ms", "mast/mast-wxt: answered in 40 ms"]
    assert dry.failed == []
    assert [bus.opened for bus in buses] == [1, 1]


@pytest.mark.parametrize(
    ("failures", "said"),
    [
        ([SILENT], "answered in 40 ms, asked 2 times (no_answer)"),
        ([SILENT, TORN], "answered in 40 ms, asked 3 times (no_answer, wrong_content)"),
        ([GONE, SILENT], "answered in 40 ms, asked 3 times (no_answer)"),
    ],
)
async def test_who_answers_in_the_end_has_not_failed_and_how_often_it_was_asked_is_said(
    checked: Checked, failures: list[Exception], said: str
) -> None:
    dry, _ = checked(*failures)
    assert (await told(dry))[0] == f"heads/head-1: {said}"
    assert dry.failed == []


@pytest.mark.parametrize(
    ("failures", "said"),
    [
        ([SILENT] * 3, "no answer within 1 s, asked 3 times (no_answer)"),
        ([GONE] * 3, "tty/mast: the port is gone, asked 3 times"),
        ([REFUSED], "exception 2 (exception)"),
        ([SILENT, REFUSED], "exception 2, asked 2 times (no_answer, exception)"),
    ],
)
async def test_who_never_answers_and_who_refuses_has_failed(
    checked: Checked, failures: list[Exception], said: str
) -> None:
    dry, _ = checked(*failures)
    assert await told(dry) == [f"heads/head-1: FAILED: {said}", "mast/mast-wxt: answered in 40 ms"]
    assert dry.failed == ["head-1"]


async def test_a_port_that_cannot_be_opened_is_tried_once(checked: Checked) -> None:
    dry, buses = checked(shut=True)
    assert await told(dry) == ["heads/head-1: FAILED: no such port", "mast/mast-wxt: FAILED: no such port"]
    assert [bus.opened for bus in buses] == [1, 1]
