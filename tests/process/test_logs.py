import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from siloscope_process import logs


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_json_records_carry_service_level_time_and_values() -> None:
    stream = io.StringIO()
    logs.configure("edge", style="json", stream=stream)
    structlog.get_logger("spool").info("spooled", packs=3)
    record = json.loads(stream.getvalue())
    assert (record["service"], record["level"], record["event"], record["packs"]) == ("edge", "info", "spooled", 3)
    assert record["timestamp"].endswith("Z")


def test_records_of_libraries_have_the_same_form() -> None:
    stream = io.StringIO()
    logs.configure("edge", style="json", stream=stream)
    logging.getLogger("pymodbus").warning("no answer from %s", "unit 3")
    record = json.loads(stream.getvalue())
    assert (record["service"], record["event"], record["logger"]) == ("edge", "no answer from unit 3", "pymodbus")


def test_an_exception_stays_on_one_json_line() -> None:
    stream = io.StringIO()
    logs.configure("edge", style="json", stream=stream)
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger().exception("failed")
    assert stream.getvalue().count("\n") == 1
    assert "ValueError: broken" in json.loads(stream.getvalue())["exception"]


def test_records_below_the_level_are_dropped() -> None:
    stream = io.StringIO()
    logs.configure("edge", style="json", level="warning", stream=stream)
    structlog.get_logger().info("quiet")
    assert stream.getvalue() == ""


def test_auto_is_json_where_there_is_no_terminal_and_pretty_is_readable() -> None:
    stream = io.StringIO()
    logs.configure("edge", style="auto", stream=stream)
    structlog.get_logger().info("first")
    json.loads(stream.getvalue())
    logs.configure("edge", style="pretty", stream=stream)
    structlog.get_logger().info("second", packs=3)
    assert "packs=3" in stream.getvalue().splitlines()[-1]
