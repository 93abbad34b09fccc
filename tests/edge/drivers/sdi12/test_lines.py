"""What sensors say, as the specification publishes it."""

import pytest

from siloscope_edge.drivers.sdi12.lines import Started, started, values
from siloscope_edge.errors import ReadFailed, Trouble


def test_the_published_lines_with_checksums() -> None:
    assert values(b"0+3.14OqZ\r\n", "0", checked=True) == [3.14]
    assert values(b"0+3.14+2.718+1.414Ipz\r\n", "0", checked=True) == [3.14, 2.718, 1.414]


def test_values_have_signs_and_may_lack_digits() -> None:
    assert values(b"a-0.5+12+.25-3.\r\n", "a", checked=False) == [-0.5, 12, 0.25, -3]
    assert values(b"a\r\n", "a", checked=False) == []


def test_a_measurement_says_when_and_how_many() -> None:
    assert started(b"00132\r\n", "0") == Started(13, 2)
    assert started(b"000115\r\n", "0") == Started(1, 15)  # concurrent: two digits of values


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        (b"0+3.14OqY\r\n", Trouble.WRONG_CHECKSUM),
        (b"0+3.15OqZ\r\n", Trouble.WRONG_CHECKSUM),
        (b"\xff\xfe\r\n", Trouble.NOISE),
        (b"\r\n", Trouble.WRONG_CHECKSUM),
    ],
)
def test_a_wrong_checksum_is_refused(line: bytes, trouble: Trouble) -> None:
    with pytest.raises(ReadFailed) as refused:
        values(line, "0", checked=True)
    assert refused.value.trouble is trouble


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        (b"03.14\r\n", Trouble.WRONG_CONTENT),  # no sign
        (b"0+3.14,+2\r\n", Trouble.WRONG_CONTENT),
        (b"0+3.1.4\r\n", Trouble.WRONG_CONTENT),
        (b"1+3.14\r\n", Trouble.UNSOLICITED),
    ],
)
def test_what_is_no_line_of_values_is_refused(line: bytes, trouble: Trouble) -> None:
    with pytest.raises(ReadFailed) as refused:
        values(line, "0", checked=False)
    assert refused.value.trouble is trouble


@pytest.mark.parametrize("line", [b"0\r\n", b"0001\r\n", b"0+3.14\r\n", b"10012\r\n"])
def test_what_starts_no_measurement_is_refused(line: bytes) -> None:
    with pytest.raises(ReadFailed):
        started(line, "0")
