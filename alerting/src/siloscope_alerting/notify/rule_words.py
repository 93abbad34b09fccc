"""A rule's own message: a template by people who may not be trusted with the server.

It may show values, ask with `if`, and go through lists that it was given, two deep. It can call or import nothing,
name nothing anew and build no text out of another again and again: what is left ends soon and stays small, by its form.
The sandbox stands behind that, and a bound on the length of what comes out.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from siloscope_alerting.errors import AlertingError

MOST_SOURCE = 8 * 1024
MOST_OUTPUT = 64 * 1024
MOST_LOOPS = 2
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


class RuleMessageBroken(AlertingError):
    """A rule's own message cannot be made; the kind's own words stand for it."""


class _Sandbox(ImmutableSandboxedEnvironment):
    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if not all(isinstance(each, int | float) for each in (left, right)):
            raise RuleMessageBroken("only numbers are multiplied")
        return super().call_binop(context, operator, left, right)


def _sandbox() -> _Sandbox:
    sandbox = _Sandbox(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=False)
    sandbox.intercepted_binops = frozenset({"*"})
    sandbox.globals.clear()
    sandbox.filters = {name: sandbox.filters[name] for name in _FILTERS}
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


def check(source: str) -> None:
    """Say whether a template may be one at all.

    Raises:
        RuleMessageBroken: It may not; the message says why.
    """
    _template(source)


@lru_cache(maxsize=256)
def _template(source: str) -> Template:
    if len(source) > MOST_SOURCE:
        raise RuleMessageBroken(f"it has more than {MOST_SOURCE} characters")
    try:
        parsed = _SANDBOX.parse(source)
        _require_allowed(parsed, loops=0)
        return _SANDBOX.from_string(source)
    except (TemplateError, RecursionError) as error:
        raise RuleMessageBroken(_words(error)) from error


def _require_allowed(node: nodes.Node, loops: int) -> None:
    if not isinstance(node, _ALLOWED):
        raise RuleMessageBroken(f"line {node.lineno}: found {type(node).__name__.lower()}, expected values, if and for")
    if isinstance(node, nodes.For) and not isinstance(node.iter, _GIVEN):
        raise RuleMessageBroken(f"line {node.lineno}: found a for over what is made up, expected a list that is given")
    loops += isinstance(node, nodes.For)
    if loops > MOST_LOOPS:
        raise RuleMessageBroken(f"line {node.lineno}: found a third for within another, expected at most {MOST_LOOPS}")
    for child in node.iter_child_nodes():
        _require_allowed(child, loops)


def _words(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    return f"line {line}: {error}" if line else str(error) or type(error).__name__
