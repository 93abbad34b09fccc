"""How much memory a database server keeps pages in."""

import os
from pathlib import Path

import psycopg
import pytest

from siloscope_deploy.servers.accounts import temporary_home
from siloscope_deploy.servers.memory import shared_buffers
from siloscope_deploy.servers.postgres import PostgresServer

GIB = 1 << 30


class Kernel:
    """What a kernel says of the control groups of a process."""

    def __init__(self, folder: Path, groups: str) -> None:
        self.groups, self.limits = folder / "cgroup", folder / "limits"
        self.groups.write_text(groups)

    def allows(self, file: str, told: str) -> None:
        path = self.limits / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(told + "\n")

    @property
    def buffers(self) -> str:
        return shared_buffers(self.groups, self.limits)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One with 8 GiB."""
    has(monkeypatch, 8)


def has(monkeypatch: pytest.MonkeyPatch, gib: int) -> None:
    says = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": gib * GIB // 4096}
    monkeypatch.setattr(os, "sysconf", says.__getitem__)


def test_a_container_sees_its_own_limit_at_the_root(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "0::/\n")
    kernel.allows("memory.max", str(GIB))
    assert kernel.buffers == "256MB"


def test_the_least_limit_of_a_unit_and_of_what_is_around_it_holds(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "0::/system.slice/siloscope.service\n")
    kernel.allows("system.slice/memory.max", str(2 * GIB))
    kernel.allows("system.slice/siloscope.service/memory.max", "max")
    kernel.allows("elsewhere/memory.max", str(GIB // 2))
    assert kernel.buffers == "512MB"


def test_the_first_version_of_control_groups_is_read_too(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "5:cpu,cpuacct:/one\n4:memory:/one\n1:name=systemd:/one\n0::/one\n")
    kernel.allows("memory/memory.limit_in_bytes", str((1 << 63) - 4096))
    kernel.allows("memory/one/memory.limit_in_bytes", str(GIB))
    assert kernel.buffers == "256MB"


def test_it_is_never_less_than_the_servers_own_default(tmp_path: Path) -> None:
    kernel = Kernel(tmp_path, "0::/\n")
    kernel.allows("memory.max", str(64 * 1024))
    assert kernel.buffers == "128MB"


def test_without_a_limit_it_is_a_quarter_of_the_machine_and_no_more_than_four_gib(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = Kernel(tmp_path, "0::/one\n")
    for gib, buffers in ((2, "512MB"), (8, "2048MB"), (64, "4096MB")):
        has(monkeypatch, gib)
        assert kernel.buffers == shared_buffers(tmp_path / "nothing", tmp_path) == buffers


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
