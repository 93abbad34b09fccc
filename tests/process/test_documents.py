"""A YAML file is held to a struct; a wrong one is told by file, line, what was found and the nearest right word."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from msgspec import UNSET, Meta, Struct, UnsetType

from siloscope_process import documents
from siloscope_process.documents import Document, Fault
from siloscope_process.errors import WrongSetting


class Hen(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="hen"):
    name: str
    eggs: Annotated[int, Meta(ge=0, le=7)] = 0


class Cow(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="cow"):
    name: str
    milk_l: Annotated[float, Meta(ge=0, description="litres a day")] | UnsetType = UNSET


class Farm(Struct, frozen=True, forbid_unknown_fields=True):
    title: str
    animals: tuple[Hen | Cow, ...]
    crop: Literal["wheat", "maize"] = "wheat"
    since: Annotated[datetime, Meta(tz=True, description="a time with its offset")] | UnsetType = UNSET
    notes: dict[str, Any] = {}


FILE = Path("farm.yaml")
FARM = """\
title: Home
crop: maize
animals:
  - {kind: hen, name: Berta, eggs: 3}
  - kind: cow
    name: Elsa
    milk_l: 20
"""


class Refused(Exception):
    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def fault_of(text: str) -> Fault:
    with pytest.raises(Refused) as refused:
        Document(text, FILE, Refused).convert(Farm)
    return refused.value.fault


@pytest.mark.parametrize(
    ("right", "wrong", "problem", "message"),
    [
        (FARM, "", "empty", "farm.yaml: document: found nothing, expected `object`"),
        (FARM, "[]", "wrong", "farm.yaml:1: document: found a list, expected `object`"),
        ("maize", "[maize", "not_yaml", "farm.yaml:3: YAML: found "),
        ("maize", "maize\n---", "not_yaml", "farm.yaml:3: YAML: found but found another document"),
        ("maize", "!!bool perhaps", "not_yaml", "farm.yaml: YAML: found 'perhaps', expected well-formed YAML"),
        ("maize", "!!timestamp soon", "not_yaml", "farm.yaml: YAML: found "),
        ("maize", "2025-02-31", "not_yaml", "farm.yaml: YAML: found day is out of range for month"),
        ("maize", "maize\ncrop: wheat", "twice", "farm.yaml:3: crop: found the key a second time, expected it once"),
        ("eggs: 3", "eggs: 3, eggs: 4", "twice", "farm.yaml:4: animals[0].eggs: found the key a second time"),
        ("maize", "maize\n? [a, b]\n: c", "wrong", "farm.yaml:3: document: found a key of several parts"),
        ("crop", "crpo", "unknown", "farm.yaml:2: crpo: found 'crpo', expected one of animals, crop, notes, since, "),
        ("crop", "crpo", "unknown", "did you mean 'crop'?"),
        (
            "milk_l",
            "milk",
            "unknown",
            "farm.yaml:7: animals[1].milk: found 'milk', expected one of kind, milk_l, name;",
        ),
        ("title: Home\n", "", "missing", "farm.yaml:1: title: found nothing, expected a value for 'title'"),
        ("    name: Elsa\n", "", "missing", "farm.yaml:5: animals[1].name: found nothing, expected a value for 'name'"),
        (
            "maize",
            "mais",
            "wrong",
            "farm.yaml:2: crop: found 'mais', expected one of maize, wheat; did you mean 'maize'?",
        ),
        ("kind: cow", "kind: cwo", "wrong", "farm.yaml:5: animals[1].kind: found 'cwo', expected one of cow, hen; did"),
        ("eggs: 3", "eggs: 8", "wrong", "farm.yaml:4: animals[0].eggs: found 8, expected `int` <= 7"),
        ("eggs: 3", 'eggs: "3"', "wrong", "farm.yaml:4: animals[0].eggs: found '3', expected `int`"),
        ("Home", "yes", "wrong", "farm.yaml:1: title: found 'yes', expected `str`"),
        ("Home", "007", "wrong", "farm.yaml:1: title: found 7, expected `str`"),
        ("Home", "", "wrong", "farm.yaml:1: title: found nothing, expected `str`"),
        ("milk_l: 20", "milk_l: much", "wrong", "farm.yaml:7: animals[1].milk_l: found 'much', expected litres a day"),
        ("crop: maize", "since: 2025-01-31", "wrong", "since: found '2025-01-31', expected a time with its offset"),
        ("crop: maize", "notes: {1: one}", "wrong", "farm.yaml:2: notes: found a mapping, expected `str`"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(right: str, wrong: str, problem: str, message: str) -> None:
    assert right in FARM
    fault = fault_of(FARM.replace(right, wrong))

    assert fault.problem == problem
    assert message in str(fault)
    assert "\n" not in str(fault)


def test_a_right_file_is_the_struct() -> None:
    farm = Document(FARM, FILE).convert(Farm)

    assert farm == Farm("Home", (Hen("Berta", 3), Cow("Elsa", 20.0)), "maize")


def test_a_number_is_a_text_as_it_is_written_where_that_is_asked_for() -> None:
    farm = Document(FARM.replace("Home", "007").replace("Elsa", "1.50"), FILE).convert(Farm, numbers_as_text=True)

    assert (farm.title, [each.name for each in farm.animals], farm.animals[0]) == (
        "007",
        ["Berta", "1.50"],
        Hen("Berta", 3),
    )


def test_a_check_of_ones_own_names_the_line_too() -> None:
    fault = Document(FARM, FILE).fault(("animals", 1, "name", "none"), "Elsa", "a name of its own")

    assert isinstance(fault, WrongSetting)
    assert str(fault) == "farm.yaml:6: animals[1].name.none: found 'Elsa', expected a name of its own"


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        Refused, match=r"none.yaml: file: found No such file or directory, expected a readable YAML file"
    ):
        Document.read(tmp_path / "none.yaml", Refused)
    (tmp_path / "latin.yaml").write_bytes("title: Höhe".encode("latin-1"))
    with pytest.raises(Refused, match=r"latin.yaml: file: found .* at byte 8, expected a readable YAML file in UTF-8"):
        Document.read(tmp_path / "latin.yaml", Refused)


def test_a_file_beyond_all_measure_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MOST_BYTES", len(FARM) - 1)
    (tmp_path / "farm.yaml").write_text(FARM)
    with pytest.raises(WrongSetting, match="a larger file, expected at most"):
        Document.read(tmp_path / "farm.yaml")


def test_a_short_file_that_unfolds_without_end_is_refused() -> None:
    doubled = "".join(f"a{at}: &a{at} [*a{at - 1}, *a{at - 1}]\n" for at in range(1, 40))

    assert f"expected at most {documents.MOST_VALUES} values" in str(fault_of(f"a0: &a0 [x, y]\n{doubled}"))


def test_what_holds_itself_or_is_nested_without_end_is_refused() -> None:
    assert fault_of("a: &a [*a]").problem == "not_yaml"
    assert "more than 50 levels" in str(fault_of("[" * 400_000))
    assert "more than 50 levels" in str(fault_of("- " * 60))


@pytest.mark.parametrize("number", ["0x" + "f" * 6_000, "1" + ":1" * 6_000])
def test_a_number_that_no_machine_can_say_is_refused(number: str) -> None:
    for text in (f"title: {number}", f"? {number}\n: x"):
        assert fault_of(text).found == "a longer number"


def test_half_a_sign_is_refused() -> None:
    assert fault_of("title: \ud800").found == "half a sign"
