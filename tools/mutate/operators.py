"""The changes that are tried: mutmut's, and those that mutmut does not have.

mutmut changes numbers, texts, constants, comparisons, assignments and arguments.  It removes
neither statements nor decorators, and negates no condition that is one name.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import libcst as cst
from mutmut.mutation.mutators import mutation_operators, operator_string

Operator = Callable[[Any], Iterable[cst.CSTNode]]


def _one_text(node: cst.BaseString) -> Iterator[cst.CSTNode]:
    """Change a text once: mutmut's other two changes are noticed by the same tests."""
    yield from list(operator_string(node))[:1]


def _drop_call(node: cst.Expr) -> Iterator[cst.CSTNode]:
    """Drop a statement that is a call."""
    if isinstance(node.value, cst.Call | cst.Yield | cst.Await):
        yield cst.Pass()


def _drop_raise(node: cst.Raise) -> Iterator[cst.CSTNode]:
    """Raise nothing."""
    yield cst.Pass()


def _return_nothing(node: cst.Return) -> Iterator[cst.CSTNode]:
    """Return ``None``."""
    if node.value is not None and not is_none(node.value):
        yield node.with_changes(value=cst.Name("None"))


def _negate_condition(node: cst.If | cst.CompIf) -> Iterator[cst.CSTNode]:
    """Take the other branch.  mutmut changes conditions that are a comparison or a ``not``."""
    if isinstance(node.test, cst.Comparison | cst.UnaryOperation | cst.BooleanOperation):
        return
    yield node.with_changes(
        test=cst.UnaryOperation(
            cst.Not(),
            node.test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()]),
        ),
        whitespace_before_test=cst.SimpleWhitespace(" "),
    )


#: Decorators without which a function is called in another way, so that any test notices, or that
#: only copy its name.
_KEPT = {"property", "staticmethod", "classmethod", "contextmanager", "wraps"}


def _drop_decorator(node: cst.FunctionDef) -> Iterator[cst.CSTNode]:
    """Drop one decorator of a function."""
    for decorator in node.decorators:
        name = decorator.decorator
        if isinstance(name, cst.Call):
            name = name.func
        if dotted(name).rpartition(".")[2] not in _KEPT:
            left = [one for one in node.decorators if one is not decorator]
            yield node.with_changes(decorators=left)


def is_none(node: object) -> bool:
    """Return whether an expression is ``None``."""
    return isinstance(node, cst.Name) and node.value == "None"


def dotted(node: cst.CSTNode) -> str:
    """Return the dotted name of an expression, or an empty text."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr.value}" if before else node.attr.value
    return ""


OPERATORS: list[tuple[Any, Operator]] = [
    *((kind, one) for kind, one in mutation_operators if one is not operator_string),
    (cst.BaseString, _one_text),
    (cst.Expr, _drop_call),
    (cst.Raise, _drop_raise),
    (cst.Return, _return_nothing),
    (cst.If | cst.CompIf, _negate_condition),
    (cst.FunctionDef, _drop_decorator),
]
