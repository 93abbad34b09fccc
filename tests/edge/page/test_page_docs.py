"""docs/edge-page.md names every setting with its default, and every document with its parameters."""

import msgspec

from siloscope_edge.page.page_settings import PageSettings
from tests.house.repository import ROOT

PAGE = (ROOT / "docs" / "edge-page.md").read_text()


def test_every_setting_is_in_the_table() -> None:
    for name, default in msgspec.to_builtins(PageSettings()).items():
        (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
        shown = row.split("|")[2].replace(" ", "").strip("`")
        expected = {True: "true", (): ""}.get(
            default if not isinstance(default, list) else tuple(default), str(default)
        )
        assert shown == expected


def test_every_document_is_in_a_table() -> None:
    for path in ("/status.json", "/values.json", "/history.json"):
        assert f"| `{path}` |" in PAGE
