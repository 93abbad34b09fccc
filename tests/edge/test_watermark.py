"""Whose watermark counts, and for what. Each scenario is a line: what arrives, and what is decided."""

import pytest

from siloscope_contract.packs import Epoch
from siloscope_contract.watermarks import EpochMark, Watermark
from siloscope_edge.spans import Spans
from siloscope_edge.watermark import Judge, Reason

MINE = "session-2"
NOW = Epoch("a" * 32)
BEFORE = Epoch("b" * 32)
LETTERS = {
    Reason.CONFIRMED: "C",
    Reason.ADVANCED: "a",
    Reason.UNANSWERED: "u",
    Reason.SUPERSEDED: "s",
}


def watermark(generation: str, *, answered: bool, **marks: EpochMark) -> Watermark:
    epochs = {Epoch(epoch): mark for epoch, mark in marks.items()}
    return Watermark("store", generation, ["session-1", MINE] if answered else ["session-1"], epochs)


@pytest.mark.parametrize(
    ("arrivals", "decisions"),
    [
        ("x", "u"),  # a retained mark of a generation that has not seen this birth
        ("X", "C"),
        ("xXX", "uCa"),
        ("Xx", "Ca"),  # the answer stays given: only the eight newest sessions are listed
        ("XyY", "CuC"),  # a restored database speaks first, then answers
        ("XYX", "CCs"),  # the old one still speaks: its word no longer counts
        ("XYxyY", "CCsaa"),
        ("XY!X", "CC.C"),  # asked anew, the one that answers is the living one
        ("XY!Xy", "CC.Cs"),
    ],
)
def test_whose_word_counts(arrivals: str, decisions: str) -> None:
    judge, told = Judge(MINE, NOW), ""
    for letter in arrivals:
        if letter == "!":
            judge.renew(MINE)
            told += "."
        else:
            told += LETTERS[judge.judge(watermark(letter.lower(), answered=letter.isupper()), {}).reason]
    assert told == decisions


def test_all_below_a_mark_is_accounted_for_but_its_gaps() -> None:
    mark = EpochMark(below=3, known_to=9, gaps=[(3, 4), (6, 6)])
    verdict = Judge(MINE, NOW).judge(watermark("x", answered=True, **{NOW: mark}), {NOW: 20})
    assert verdict.believed
    assert verdict.accounted == {NOW: Spans([(1, 3), (5, 6), (7, 9)])}
    assert verdict.mentioned == {NOW: 9}


def test_nothing_is_said_about_numbers_from_known_to_on() -> None:
    verdict = Judge(MINE, NOW).judge(watermark("x", answered=True, **{NOW: EpochMark(5, 5)}), {NOW: 20})
    assert 5 not in verdict.accounted[NOW]


def test_a_mark_above_what_was_ever_assigned_is_ignored_and_told() -> None:
    marks = {NOW: EpochMark(9, 9), BEFORE: EpochMark(2, 2)}
    verdict = Judge(MINE, NOW).judge(watermark("x", answered=True, **marks), {NOW: 8, BEFORE: 3})
    assert verdict.above_assigned == (NOW,)
    assert verdict.accounted == {BEFORE: Spans([(1, 2)])}


def test_of_a_closed_epoch_that_the_database_knows_further_only_what_is_here_is_taken() -> None:
    verdict = Judge(MINE, NOW).judge(watermark("x", answered=True, **{BEFORE: EpochMark(500, 500)}), {BEFORE: 100})
    assert verdict.above_assigned == (BEFORE,)
    assert verdict.accounted == {BEFORE: Spans([(1, 100)])}


def test_unanswered_marks_account_for_nothing() -> None:
    verdict = Judge(MINE, NOW).judge(watermark("x", answered=False, **{NOW: EpochMark(5, 5)}), {NOW: 20})
    assert not verdict.believed
    assert verdict.accounted == {}


def test_epochs_that_left_the_spool_are_passed_over() -> None:
    verdict = Judge(MINE, NOW).judge(watermark("x", answered=True, **{BEFORE: EpochMark(5, 5)}), {NOW: 20})
    assert verdict.accounted == {}
    assert verdict.above_assigned == ()
