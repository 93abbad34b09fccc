"""The signing key's file."""

from pathlib import Path

import pytest

from siloscope_dashboards.auth.key import signing_key
from siloscope_process.errors import WrongSetting


@pytest.mark.parametrize("text", ["", "abc", "zz" * 32, "ab" * 31])
def test_a_file_that_is_no_key_is_refused_by_name(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secrets" / "api.key"
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(WrongSetting, match=r"api\.key"):
        signing_key(tmp_path)


def test_a_home_that_cannot_be_written_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WrongSetting, match="SILOSCOPE_HOME"):
        signing_key(tmp_path / "file")


def test_a_home_keeps_one_key_for_its_owner_alone(tmp_path: Path) -> None:
    assert signing_key(tmp_path) == signing_key(tmp_path)
    file = tmp_path / "secrets" / "api.key"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_without_a_home_every_process_has_its_own() -> None:
    assert signing_key(None) != signing_key(None)
