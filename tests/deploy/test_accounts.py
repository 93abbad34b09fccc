import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from siloscope_deploy.servers.accounts import Account, reachable_folder, reaches, server_account, temporary_home
from siloscope_deploy.servers.postgres_binaries import copied, installed

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="root alone can become another account")


@pytest.fixture
def home() -> Iterator[Path]:
    with temporary_home() as folder:
        yield folder


@pytest.fixture
def account() -> Account:
    found = server_account()
    assert found is not None
    return found


def test_whoever_is_not_root_keeps_the_folder_that_was_asked_for(tmp_path: Path) -> None:
    assert reachable_folder(None, tmp_path / "postgres") == tmp_path / "postgres"


@needs_root
def test_an_account_that_can_enter_gets_the_folder_that_was_asked_for(home: Path, account: Account) -> None:
    assert reachable_folder(account, home / "new" / "postgres") == home / "new" / "postgres"


@needs_root
def test_a_closed_folder_stays_closed_and_another_stands_for_it_for_good(home: Path, account: Account) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    assert not reaches(account, closed)
    chosen = reachable_folder(account, closed / "postgres", elsewhere=home / "elsewhere")
    assert chosen.parent == home / "elsewhere"
    assert reachable_folder(account, closed / "postgres", elsewhere=home / "elsewhere") == chosen
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.postgres
def test_copied_programs_run_where_they_are(home: Path) -> None:
    copy = copied(installed(), home)
    asked = subprocess.run([copy / "postgres", "--version"], capture_output=True, text=True, check=True)
    assert asked.stdout.startswith("postgres (PostgreSQL)")
    assert copied(installed(), home) == copy
