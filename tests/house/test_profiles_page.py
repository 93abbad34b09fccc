"""Every driver and every shipped profile is documented, as it is in the code."""

import msgspec
import pytest

from siloscope_edge import driver_registry, profile_files
from siloscope_edge.errors import Trouble
from siloscope_edge.profiles import Channel, Limits, Loop, Option, Profile
from tests.house.profiles_page import PAGE, _attributes, _structs_in, page


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text() == page(), "run `make docs`"


@pytest.mark.parametrize("struct", [Profile, Limits, Channel, Loop, Option], ids=lambda struct: struct.__name__)
def test_every_field_says_what_it_is_for(struct: type[msgspec.Struct]) -> None:
    assert {field.name for field in msgspec.structs.fields(struct)} == _attributes(struct).keys()


@pytest.mark.parametrize("name", driver_registry.names())
def test_every_field_of_a_drivers_channels_says_what_it_is_for(name: str) -> None:
    fields = {field.name: field.type for field in msgspec.structs.fields(driver_registry.driver(name).profile)}
    channel = next(struct for struct in _structs_in(fields["channels"]) if issubclass(struct, Channel))
    assert {field.name for field in msgspec.structs.fields(channel)} <= _attributes(channel).keys()


def test_every_kind_of_trouble_is_named() -> None:
    assert not [kind for kind in Trouble if f"`{kind}`" not in PAGE.read_text()]


@pytest.mark.parametrize("name", sorted(profile_files.catalogue()))
def test_every_choice_of_a_shipped_profile_is_one(name: str) -> None:
    file = profile_files.catalogue()[name]
    for option, found in profile_files.read(file).options.items():
        for choice in found.choices:
            profile_files.read(file, {option: choice})
