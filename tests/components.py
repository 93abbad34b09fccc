"""What a test needs that a machine may lack: skipped by name here, an error where everything is required."""

from collections.abc import Mapping
from typing import NoReturn

import pytest

REQUIRE_ALL = "SILOSCOPE_TEST_REQUIRE_ALL"


def component_missing(environ: Mapping[str, str], component: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where SILOSCOPE_TEST_REQUIRE_ALL says that nothing may be missing."""
    if environ.get(REQUIRE_ALL):
        pytest.fail(f"{component} is required by {REQUIRE_ALL} and is missing: {reason}", pytrace=False)
    pytest.skip(f"{component} is missing: {reason}")
