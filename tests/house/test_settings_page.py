"""Every setting is documented, as it is in the code."""

import re

import pytest
from msgspec import Struct

from siloscope_process.settings import describe
from tests.house.repository import modules
from tests.house.settings_page import PAGE, page, settings_structs

STRUCTS = settings_structs()
VARIABLE = re.compile(r"\bSILOSCOPE_[A-Z_]*[A-Z](?![A-Z_])")


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text() == page(), "run `make docs`"


@pytest.mark.parametrize("struct", STRUCTS, ids=lambda struct: struct.__module__)
def test_every_setting_says_what_it_is_for(struct: type[Struct]) -> None:
    assert not [setting.variable for setting in describe(struct) if not setting.description]


def test_no_setting_is_a_secret_with_a_default() -> None:
    secret = re.compile(r"PASSWORD|SECRET|TOKEN|KEY")
    given = [
        setting.variable
        for struct in STRUCTS
        for setting in describe(struct)
        if secret.search(setting.variable) and setting.default not in (None, "unset")
    ]
    assert not given


def test_no_variable_is_named_in_code_that_the_page_does_not_know() -> None:
    documented = set(VARIABLE.findall(PAGE.read_text()))
    named = {name: module.name for module in modules() for name in VARIABLE.findall(module.text)}
    assert not {name: module for name, module in named.items() if name not in documented}
