"""An LED blinks while somebody looks for its box, and shows afterwards what it showed before."""

from pathlib import Path

from siloscope_edge.remote.identifying import Identifier, Identify, LedBeacon, LogBeacon
from siloscope_process.clock import ManualClock


async def test_a_led_blinks_for_as_long_as_was_asked(tmp_path: Path) -> None:
    trigger = tmp_path / "led0" / "trigger"
    trigger.parent.mkdir()
    trigger.write_text("none usb-gadget [mmc0] timer heartbeat\n")
    clock = ManualClock()
    identifier = Identifier((LogBeacon(), LedBeacon(tmp_path)), clock)
    answer = await identifier.identify(Identify(for_s=30))
    assert answer.answer == {"shown_by": ["log", "led"], "not_shown_by": {}, "for_s": 30}
    await clock.run_for(29)
    assert trigger.read_text() == "timer"
    await clock.run_for(2)
    assert trigger.read_text() == "mmc0"


async def test_what_cannot_be_shown_is_said(tmp_path: Path) -> None:
    answer = await Identifier((LogBeacon(), LedBeacon(tmp_path)), ManualClock()).identify(Identify(for_s=1))
    assert answer.answer["shown_by"] == ["log"]
    assert "none of ACT, led0" in answer.answer["not_shown_by"]["led"]
