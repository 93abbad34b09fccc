"""Every golden message is read as its ``expected.json`` says, and what was read is written and read back the same."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from siloscope_contract.errors import MalformedPack
from siloscope_contract.packs import Form, Pack, decode, encode

CASES = sorted(folder for folder in Path(__file__).parent.iterdir() if (folder / "expected.json").exists())


def message(folder: Path) -> bytes:
    spelled = folder / "message.hex"
    return bytes.fromhex(spelled.read_text()) if spelled.exists() else (folder / "message.json").read_bytes()


def expected(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "expected.json").read_text())
    return loaded


ACCEPTED = [folder for folder in CASES if "pack" in expected(folder)]
REFUSED = [folder for folder in CASES if "error" in expected(folder)]


def by_name(folder: Path) -> str:
    return folder.name


def test_there_are_golden_messages_of_both_kinds() -> None:
    assert len(ACCEPTED) >= 15
    assert len(REFUSED) >= 15


@pytest.mark.parametrize("folder", ACCEPTED, ids=by_name)
def test_a_golden_message_is_read_as_it_should_be(folder: Path) -> None:
    wanted = expected(folder)
    pack = decode(message(folder), received_ms=wanted["received_ms"])
    assert pack == msgspec.convert(wanted["pack"], Pack)


@pytest.mark.parametrize("form", list(Form))
@pytest.mark.parametrize("folder", ACCEPTED, ids=by_name)
def test_what_was_read_survives_being_written_in_each_form(folder: Path, form: Form) -> None:
    pack = decode(message(folder), received_ms=expected(folder)["received_ms"])
    again = decode(encode(pack, form=form), received_ms=0)
    assert (again.samples, again.gaps, again.epoch, again.seq) == (pack.samples, pack.gaps, pack.epoch, pack.seq)


@pytest.mark.parametrize("folder", REFUSED, ids=by_name)
def test_a_golden_refusal_names_reason_and_place(folder: Path) -> None:
    wanted = expected(folder)
    with pytest.raises(MalformedPack) as refused:
        decode(message(folder), received_ms=wanted["received_ms"])
    error = refused.value
    found = {"reason": error.reason, "place": error.place, "epoch": error.epoch, "seq": error.seq}
    assert found == wanted["error"]
