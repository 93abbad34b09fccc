"""A rule's own message: a template by people who may not be trusted with the server.

It may show values, ask with `if`, and go through lists that it was given, two deep. It can call or import nothing,
name nothing anew and build no text out of another again and again: what is left ends soon and stays small, by its form.
The sandbox stands behind that, and a bound on the length of what comes out.

It stands here because two must agree on it: alerting, which renders it, and the API and the command line, which refuse
it before it is saved.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, meta, nodes
from jinja2.filters import do_round
from jinja2.sandbox import ImmutableSandboxedEnvironment

from siloscope_contract.alerts.rules import Rule
from siloscope_contract.alerts.validation import Problem
from siloscope_contract.errors import one_of

MOST_SOURCE = 8 * 1024
MOST_OUTPUT = 64 * 1024
MOST_LOOPS = 2
MOST_NESTED = 24
"""What is nested deeper takes the template engine seconds to make, and Python's compiler refuses it in the end."""
MOST_PLACES = 15
_FILTERS = (
    "abs",
    "capitalize",
    "default",
    "first",
    "int",
    "float",
    "last",
    "length",
    "lower",
    "round",
    "trim",
    "upper",
)
_TESTS = ("defined", "none", "eq", "ne", "lt", "le", "gt", "ge", "in", "equalto", "greaterthan", "lessthan", "sameas")
_ALLOWED = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Const, nodes.If,
    nodes.For, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.Test, nodes.Filter, nodes.And, nodes.Or, nodes.Not,
    nodes.Add, nodes.Sub, nodes.Mul, nodes.Div, nodes.Neg, nodes.Concat, nodes.Keyword,
)  # fmt: skip
_GIVEN = (nodes.Name, nodes.Getattr, nodes.Getitem)


LINE: Mapping[str, Any] = {
    "form": "alert",
    "subject": "Bin 7, cable 2, level 3",
    "rule": "Grain heats",
    "severity": "warning",
    "state": "firing",
    "place": "Bin 7",
    "site": "North farm",
    "kind": "threshold",
    "value": "31.2 °C",
    "level": "30 °C",
    "figure": "",
    "since": "10:40",
    "until": "",
    "labels": {},
    "reason": "held",
}
"""What a template is given of one alert, with an example of each; `alerts` are several of these, `count` how many."""


class RuleMessageBroken(Exception):
    """A rule's own message cannot be made; the kind's own words stand for it."""


class _Sandbox(ImmutableSandboxedEnvironment):
    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if not all(isinstance(each, int | float) for each in (left, right)):
            raise RuleMessageBroken("only numbers are multiplied")
        return super().call_binop(context, operator, left, right)


def _round(value: Any, precision: int = 0, method: Any = "common") -> Any:
    """Round as Jinja does, but to no more places than a reading has: ten to the power of a million takes minutes."""
    if not isinstance(precision, int) or abs(precision) > MOST_PLACES:
        raise RuleMessageBroken(f"round to at most {MOST_PLACES} places")
    return do_round(value, precision, method)


def _sandbox() -> _Sandbox:
    sandbox = _Sandbox(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)
    sandbox.intercepted_binops = frozenset({"*"})
    sandbox.globals.clear()
    sandbox.filters = {name: sandbox.filters[name] for name in _FILTERS} | {"round": _round}
    sandbox.tests = {name: sandbox.tests[name] for name in _TESTS}
    return sandbox


_SANDBOX = _sandbox()


def rule_words(source: str, values: Mapping[str, Any]) -> str:
    """Return a rule's own message.

    Raises:
        RuleMessageBroken: It asks for what it may not, or for what is not there, or is too long.
    """
    made: list[str] = []
    length = 0
    try:
        for part in _template(source).generate(dict(values)):
            made.append(part)
            length += len(part)
            if length > MOST_OUTPUT:
                raise RuleMessageBroken(f"it is longer than {MOST_OUTPUT} characters")
    except (TemplateError, TypeError, ValueError, ArithmeticError, AttributeError, LookupError) as error:
        raise RuleMessageBroken(_words(error)) from error
    return "".join(made).strip()


def message_faults(rule: Rule) -> Iterator[Problem]:
    """Yield what is wrong with a rule's messages: their form, names that nobody gives, and what fails on an example."""
    values = {**LINE, "rule": rule.name, "labels": dict(rule.labels), "severity": rule.severity.value}
    given = {**values, "count": 2, "alerts": [values, {**values, "subject": "Bin 8, cable 1, level 1"}]}
    for language, source in rule.message.items():
        path = ("message", language)
        try:
            _template(source)
            unknown = list(_unknown(source, given))
            yield from (Problem(path, f"line {line}: {name!r}", one_of(known, name)) for line, name, known in unknown)
            if not unknown:
                rule_words(source, given)
        except RuleMessageBroken as error:
            yield Problem(path, str(error), "a template that can be made of an alert")


def _unknown(source: str, given: Mapping[str, Any]) -> Iterator[tuple[int, str, list[str]]]:
    """Yield line, name and the names there are, of what a template asks for and nobody gives."""
    parsed = _SANDBOX.parse(source)
    undeclared = meta.find_undeclared_variables(parsed)
    needed = _without_default(parsed)
    for name in sorted(undeclared - set(given)):
        if name in needed:
            yield needed[name], name, sorted(given)
    loops = {
        each.target.name
        for each in parsed.find_all(nodes.For)
        if isinstance(each.target, nodes.Name) and isinstance(each.iter, nodes.Name) and each.iter.name == "alerts"
    }
    for asked in parsed.find_all(nodes.Getattr):
        if isinstance(asked.node, nodes.Name) and asked.node.name in loops and asked.attr not in LINE:
            yield asked.lineno, f"{asked.node.name}.{asked.attr}", sorted(f"{asked.node.name}.{each}" for each in LINE)


def _without_default(parsed: nodes.Template) -> dict[str, int]:
    """Return the names that a template asks for without saying what stands for them, each with its first line."""
    spared = {id(each.node) for each in parsed.find_all(nodes.Filter) if each.name == "default"}
    spared |= {id(each.node) for each in parsed.find_all(nodes.Test) if each.name == "defined"}
    found: dict[str, int] = {}
    for each in parsed.find_all(nodes.Name):
        if id(each) not in spared:
            found.setdefault(each.name, each.lineno)
    return found


@lru_cache(maxsize=256)
def _template(source: str) -> Template:
    if len(source) > MOST_SOURCE:
        raise RuleMessageBroken(f"it has more than {MOST_SOURCE} characters")
    try:
        parsed = _SANDBOX.parse(source)
        _require_allowed(parsed, loops=0)
        return _SANDBOX.from_string(source)
    except (TemplateError, RecursionError, SyntaxError) as error:
        raise RuleMessageBroken(_words(error)) from error


def _require_allowed(node: nodes.Node, loops: int, depth: int = 0) -> None:
    if depth > MOST_NESTED:
        raise RuleMessageBroken(f"line {node.lineno}: found more than {MOST_NESTED} parts within or behind one another")
    if not isinstance(node, _ALLOWED):
        raise RuleMessageBroken(f"line {node.lineno}: found {type(node).__name__.lower()}, expected values, if and for")
    if isinstance(node, nodes.For) and not isinstance(node.iter, _GIVEN):
        raise RuleMessageBroken(f"line {node.lineno}: found a for over what is made up, expected a list that is given")
    loops += isinstance(node, nodes.For)
    if loops > MOST_LOOPS:
        raise RuleMessageBroken(f"line {node.lineno}: found a third for within another, expected at most {MOST_LOOPS}")
    for child in node.iter_child_nodes():
        _require_allowed(child, loops, depth + 1)


def _words(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    return f"line {line}: {error}" if line else str(error) or type(error).__name__
