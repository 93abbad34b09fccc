"""What the tests of alarms share."""

from pathlib import Path

import pytest

from tests.edge.alarms.alarmed_yard import Yard


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)
