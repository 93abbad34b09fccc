"""What `siloscope api` refuses to be told."""

import pytest

from siloscope_dashboards.settings import Settings
from siloscope_process.errors import WrongSetting
from siloscope_process.settings import load

DATABASE = {"SILOSCOPE_DATABASE_URL": "postgresql://me@db/siloscope"}


@pytest.mark.parametrize("proxies", ["proxy.example", "10.0.0.5,", "10.0.0.5/24", "10.0.0.5 10.0.0.6", "300.1.1.1"])
def test_a_proxy_that_is_no_address_is_named(proxies: str) -> None:
    with pytest.raises(WrongSetting, match=r"^SILOSCOPE_TRUSTED_PROXIES has '.*'; expected addresses such as"):
        load(Settings, {**DATABASE, "SILOSCOPE_TRUSTED_PROXIES": proxies})


@pytest.mark.parametrize("proxies", ["*", "10.0.0.5", "10.0.0.0/24, ::1", ""])
def test_addresses_and_networks_are_proxies(proxies: str) -> None:
    assert load(Settings, {**DATABASE, "SILOSCOPE_TRUSTED_PROXIES": proxies}).trusted_proxies == (proxies or None)
