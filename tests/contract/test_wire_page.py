"""docs/wire.md says what a birth is: each field of it is there, and its example is one."""

import re

import msgspec
import pytest

from siloscope_contract import births
from siloscope_contract.births import Birth, ChannelBirth, DeviceBirth, EpochSpan, GroupBirth
from tests.house.repository import ROOT

PAGE = (ROOT / "docs" / "wire.md").read_text()
BIRTH = PAGE.partition("## The birth\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("struct", [Birth, DeviceBirth, GroupBirth, ChannelBirth, EpochSpan])
def test_every_field_of_a_birth_is_in_its_table(struct: type[msgspec.Struct]) -> None:
    rows = " ".join(line for line in BIRTH.splitlines() if line.startswith("| "))
    named = set(re.findall(r"`(?:…|devices\[\]\.)?(\w+)(?:\[\])?`", rows))
    assert {field.encode_name for field in msgspec.structs.fields(struct)} <= named


def test_the_example_is_a_birth() -> None:
    example = re.search(r"```json\n(.*?)```", BIRTH, re.DOTALL)
    assert example
    (group,) = births.decode_birth(example[1].encode()).devices[0].groups
    assert (group.interval_s, group.delivery_s) == (600, 3700)
