"""Diagnostics fit into a message, hold no secret, and come whole but for what ails the node."""

import json
import logging
import random
from typing import Any

from siloscope_contract.commands import MAX_BUNDLE_BYTES, unpacked_bundle
from siloscope_edge.remote import diagnostics
from siloscope_edge.remote.log_ring import MOST_LINES, LogRing
from siloscope_edge.remote.redaction import redacted


async def test_a_section_that_fails_says_why_and_the_others_are_there() -> None:
    async def broken() -> object:
        raise OSError("the disk is gone")

    found = await diagnostics.collected({"versions": diagnostics.versions, "spool": broken})
    assert found["spool"] == {"error": "OSError: the disk is gone"}
    assert found["versions"]["siloscope-edge"]


def test_what_is_too_large_is_shortened_and_named() -> None:
    chance = random.Random(7)
    noise = [chance.randbytes(60).hex() for _ in range(20_000)]
    bundle = diagnostics.bundled({"log": noise, "metrics": noise[:4000], "node": {"node": "a/b/c"}})
    assert len(bundle) <= MAX_BUNDLE_BYTES
    content = json.loads(unpacked_bundle(bundle))
    assert content["shortened"] == ["log", "metrics"]
    assert content["node"] == {"node": "a/b/c"}
    small = json.loads(unpacked_bundle(diagnostics.bundled({"log": noise[:10]})))
    assert small == {"log": noise[:10]}


def test_secrets_are_left_out_by_name_and_by_shape() -> None:
    settings: dict[str, Any] = {
        "mqtt": {"host": "broker", "username": "yard", "password_file": "/etc/pw", "tls": None},
        "alarms": [{"call": {"url": "http://ada:pw@10.0.0.1/siren?token=abc", "headers": {"X": "s"}}}],
        "api_key": "k",
        "broker": "mqtt://ada:p@55:w0rd@10.0.0.1:1883",
        "json": {"pin": "1234"},
        "token": "",
    }
    text = json.dumps(redacted(settings))
    for secret in ("yard", "pw@", "abc", '"s"', '"k"', "55", "w0rd", "1234"):
        assert secret not in text
    assert "/etc/pw" in text
    assert "10.0.0.1/siren" in text


def test_the_newest_lines_are_kept_without_secrets() -> None:
    ring = LogRing(["hunter2"])
    logger = logging.Logger("test")
    logger.addHandler(ring)
    for at in range(MOST_LINES + 5):
        logger.warning({"event": "read", "at": at, "why": "hunter2", "_record": object()})
    assert len(ring.lines) == MOST_LINES
    assert ring.lines[-1].endswith(f"warning test: read at={MOST_LINES + 4} why=***")
    logger.error("plain %s", "x" * 5000)
    assert len(ring.lines[-1]) == 1000


async def test_threads_and_tasks_say_where_they_are() -> None:
    assert any("test_diagnostics" in each for each in await diagnostics.threads())
    assert any("test_threads_and_tasks" in each for each in await diagnostics.tasks())
