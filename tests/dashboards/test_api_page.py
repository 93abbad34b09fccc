"""docs/api.md says what is so."""

import re
from collections.abc import Iterator
from pathlib import Path

from siloscope_dashboards.app import create_app
from siloscope_dashboards.errors import ApiError
from siloscope_dashboards.live.hub import Ending
from tests.dashboards.fakes import Parts

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


def kinds(error: type[ApiError]) -> Iterator[type[ApiError]]:
    """Every kind of an error, at any depth."""
    for kind in error.__subclasses__():
        yield kind
        yield from kinds(kind)


def test_it_lists_every_route_and_no_other(fakes: Parts) -> None:
    paths = create_app(fakes.wiring).openapi()["paths"]
    routes = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert set(re.findall(r"^\| `((?:GET|POST|PUT|DELETE) [^`]+)`", PAGE, re.MULTILINE)) == routes


def test_it_names_every_parameter(fakes: Parts) -> None:
    paths = create_app(fakes.wiring).openapi()["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            (row,) = re.findall(rf"^\| `{method.upper()} {re.escape(path)}` \| (.+) \|$", PAGE, re.MULTILINE)
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "query":
                    assert f"`{parameter['name']}`" in row


def test_it_lists_every_problem() -> None:
    listed = set(re.findall(r"^\| (\d+) \| `([a-z-]+)`", PAGE, re.MULTILINE))
    assert listed == {(str(error.status), error.slug) for error in kinds(ApiError)}


def test_it_lists_why_a_stream_ends() -> None:
    (row,) = re.findall(r"^\| `end` \| (.+) \|$", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == set(Ending)
