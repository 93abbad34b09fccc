"""How much memory a database server keeps pages in."""

import os
from pathlib import Path

import psycopg
import pytest

from siloscope_deploy.servers.accounts import temporary_home
from siloscope_deploy.servers.memory import shared_buffers
from siloscope_deploy.servers.postgres import PostgresServer

GIB = 1 << 30


@pytest.mark.parametrize(
    ("allowed", "buffers"),
    [
        pytest.param(str(GIB), "256MB", id="a quarter"),
        pytest.param(str(64 * 1024), "128MB", id="never less than PostgreSQL's own default"),
    ],
)
def test_it_is_a_quarter_of_what_a_container_may_use(tmp_path: Path, allowed: str, buffers: str) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text(allowed + "\n")
    assert shared_buffers(limit) == buffers


@pytest.mark.parametrize("told", ["max\n", None, str(1 << 60)])
def test_without_a_limit_it_is_a_quarter_of_the_machine_and_no_more_than_four_gib(
    tmp_path: Path, told: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = tmp_path / "memory.max"
    if told is not None:
        limit.write_text(told)
    for has_gib, buffers in ((2, "512MB"), (8, "2048MB"), (64, "4096MB")):
        machine = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": has_gib * GIB // 4096}
        monkeypatch.setattr(os, "sysconf", machine.__getitem__)
        assert shared_buffers(limit) == buffers


@pytest.mark.postgres
def test_the_server_has_it_unless_it_is_told_otherwise() -> None:
    with temporary_home() as home:
        for folder, settings, bytes_wanted in (
            ("told", {"shared_buffers": "16MB"}, 16 << 20),
            ("untold", {}, int(shared_buffers().removesuffix("MB")) << 20),
        ):
            server = PostgresServer(home / folder, settings=settings)
            server.start()
            try:
                with psycopg.connect(server.url) as connection:
                    kept = connection.execute(
                        "SELECT setting::int8 * 8192 FROM pg_settings WHERE name = 'shared_buffers'"
                    ).fetchone()
            finally:
                server.stop()
            assert kept == (bytes_wanted,)
