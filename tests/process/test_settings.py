from pathlib import Path
from typing import Annotated

import pytest
from msgspec import Meta, Struct

from siloscope_process.errors import WrongSetting
from siloscope_process.settings import ServiceSettings, describe, load, masked


class Example(Struct, frozen=True):
    database_url: Annotated[str, Meta(description="where the database is")]
    http_port: Annotated[int, Meta(description="port of the page", ge=1, le=65535)] = 8080
    admin_password: str | None = None
    home: Path = Path(".siloscope")
    plain_devices: bool = True


class ExampleService(ServiceSettings, frozen=True):
    mqtt_url: str


def test_a_missing_variable_is_named_with_what_is_expected() -> None:
    with pytest.raises(WrongSetting, match="SILOSCOPE_DATABASE_URL is not set; expected text: where the database is"):
        load(Example, {})


def test_an_empty_variable_counts_as_missing() -> None:
    with pytest.raises(WrongSetting, match="SILOSCOPE_DATABASE_URL is not set"):
        load(Example, {"SILOSCOPE_DATABASE_URL": ""})


@pytest.mark.parametrize("found", ["eighty", "0", "70000"])
def test_a_wrong_value_is_named_with_what_was_found(found: str) -> None:
    with pytest.raises(
        WrongSetting, match=f"SILOSCOPE_HTTP_PORT is '{found}'; expected whole number: port of the page"
    ):
        load(Example, {"SILOSCOPE_DATABASE_URL": "x", "SILOSCOPE_HTTP_PORT": found})


def test_the_exit_code_of_a_wrong_setting_is_78() -> None:
    with pytest.raises(WrongSetting) as caught:
        load(Example, {})
    assert caught.value.exit_code == 78


def test_values_are_converted() -> None:
    environ = {
        "SILOSCOPE_DATABASE_URL": "postgresql://h/d",
        "SILOSCOPE_HTTP_PORT": "81",
        "SILOSCOPE_HOME": "/srv/x",
        "SILOSCOPE_PLAIN_DEVICES": "no",
    }
    expected = Example("postgresql://h/d", 81, None, Path("/srv/x"), plain_devices=False)
    assert load(Example, environ) == expected


def test_a_service_extends_the_common_settings() -> None:
    settings = load(ExampleService, {"SILOSCOPE_MQTT_URL": "mqtt://h", "SILOSCOPE_LOG": "json"})
    assert (settings.mqtt_url, settings.log, settings.ops_port) == ("mqtt://h", "json", None)


def test_a_choice_lists_what_there_is() -> None:
    with pytest.raises(WrongSetting, match=r"SILOSCOPE_LOG is 'xml'; expected json \| pretty \| auto"):
        load(ExampleService, {"SILOSCOPE_MQTT_URL": "mqtt://h", "SILOSCOPE_LOG": "xml"})


def test_a_near_miss_is_pointed_out() -> None:
    lines: list[str] = []
    environ = {"SILOSCOPE_DATABASE_URL": "x", "SILOSCOPE_HTP_PORT": "81", "SILOSCOPE_MQTT_URL": "y"}
    load(Example, environ, warn=lines.append)
    assert lines == ["SILOSCOPE_HTP_PORT is not a setting here; did you mean SILOSCOPE_HTTP_PORT?"]


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("admin_password", "hunter2", "***"),
        ("mqtt_password_file", "/run/p", "/run/p"),
        ("database_url", "postgresql://u:hunter2@h:1/d", "postgresql://u:***@h:1/d"),
        ("database_url", "postgresql://h/d", "postgresql://h/d"),
    ],
)
def test_secrets_are_never_shown(name: str, text: str, shown: str) -> None:
    assert masked(name, text) == shown


def test_a_description_lists_every_variable() -> None:
    described = {setting.variable: setting for setting in describe(Example)}
    assert described["SILOSCOPE_DATABASE_URL"].required
    assert described["SILOSCOPE_HTTP_PORT"].default == "8080"
    assert described["SILOSCOPE_ADMIN_PASSWORD"].default == "unset"
    assert described["SILOSCOPE_HTTP_PORT"].description == "port of the page"
