"""How the code is laid out: each rule that a person would otherwise have to remember."""

import ast
import re
from pathlib import Path

import pytest

from tests.house.repository import ROOT, Module, files_of_tests, members, modules, project, strings

MODULES = modules()
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
NAMED_FOR_NOTHING = {"utils", "util", "helpers", "helper", "common", "base", "manager", "managers", "types", "misc"}

# A path, or path:function, and why it may be longer. Empty is the aim.
LONG_FOR_A_REASON: dict[str, str] = {}

STATEMENT = re.compile(
    r"^\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|CREATE\s+(TABLE|ROLE|VIEW|INDEX)"
    r"|ALTER\s+(TABLE|ROLE)|DROP\s+(TABLE|ROLE|VIEW)|COPY\s+\w+.*\s(FROM|TO)\s)",
    re.DOTALL,
)


def test_every_member_is_in_a_layer() -> None:
    linter = project()["tool"]["importlinter"]  # type: ignore[index]  # TOML is untyped
    layers = {name.strip() for layer in linter["contracts"][0]["layers"] for name in layer.split("|")}
    packages = {path.parent.name for member in members() for path in (member / "src").glob("*/__init__.py")}
    assert packages == layers == set(linter["root_packages"])


def test_every_member_has_one_import_name_and_is_typed() -> None:
    for member in members():
        # setuptools leaves its own folder beside a package that it compiles; git ignores it
        folders = [path for path in (member / "src").iterdir() if path.is_dir() and path.suffix != ".egg-info"]
        found = [path.name for path in folders if path.name != "__pycache__"]
        assert found == [f"siloscope_{member.name.replace('-', '_')}"]
        assert (member / "src" / found[0] / "py.typed").exists(), f"{member.name} has no py.typed"


def test_a_module_is_named_for_what_it_holds() -> None:
    parts = {module.name: {*module.path.relative_to(ROOT).with_suffix("").parts} for module in MODULES}
    assert not [name for name in parts if parts[name] & NAMED_FOR_NOTHING]


def test_a_module_says_first_what_it_is_for() -> None:
    assert not [module.name for module in MODULES if ast.get_docstring(module.tree) is None]


def test_nothing_is_longer_than_a_reader_can_hold() -> None:
    long: dict[str, int] = {}
    for module in [*MODULES, *files_of_tests()]:
        long |= _too_long(module.name, module.text, module.tree)
    assert not {name: lines for name, lines in long.items() if name not in LONG_FOR_A_REASON}


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["a = 1"] * LONGEST_MODULE, {}),
        (["a = 1"] * (LONGEST_MODULE + 1), {"a.py": LONGEST_MODULE + 1}),
        (["def f():", *["    a = 1"] * (LONGEST_FUNCTION - 1)], {}),
        (["@cache", "def f():", *["    a = 1"] * LONGEST_FUNCTION], {"a.py:f": LONGEST_FUNCTION + 1}),
        (["class C:", "  async def f():", *["    a = 1"] * LONGEST_FUNCTION], {"a.py:f": LONGEST_FUNCTION + 1}),
        (["def f():", "  def g():", *["    a = 1"] * (LONGEST_FUNCTION - 1)], {"a.py:f": LONGEST_FUNCTION + 1}),
    ],
)
def test_a_line_too_many_is_found_in_a_file_and_in_a_function(lines: list[str], found: dict[str, int]) -> None:
    text = "\n".join([*lines, ""])
    assert _too_long("a.py", text, ast.parse(text)) == found


def test_files_of_tests_are_held_to_it_too() -> None:
    assert str(Path(__file__).relative_to(ROOT)) in {module.name for module in files_of_tests()}


def test_only_the_contract_knows_how_a_topic_is_written() -> None:
    """Everybody else builds and parses by siloscope_contract.topics."""
    owner = "contract/src/siloscope_contract/topics.py"
    assert not _holding(re.compile("silo/v1"), [module for module in MODULES if module.name != owner])


def test_sql_is_in_the_store_alone() -> None:
    """A statement belongs into a named block of a .sql file of the store."""
    assert not _holding(STATEMENT, [module for module in MODULES if not module.name.startswith("store/")])


def test_a_reason_for_length_names_something_that_exists() -> None:
    for name in LONG_FOR_A_REASON:
        path, _, function = name.partition(":")
        assert (ROOT / path).exists()
        assert not function or f"def {function}(" in (ROOT / path).read_text()


def _too_long(name: str, text: str, tree: ast.Module) -> dict[str, int]:
    lines = {name: text.count("\n")} if text.count("\n") > LONGEST_MODULE else {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            lines |= {f"{name}:{node.name}": length} if length > LONGEST_FUNCTION else {}
    return lines


def _holding(pattern: re.Pattern[str], searched: list[Module]) -> list[str]:
    return [
        f"{module.name}:{node.lineno}"
        for module in searched
        for node in strings(module.tree)
        if pattern.search(str(node.value))
    ]
