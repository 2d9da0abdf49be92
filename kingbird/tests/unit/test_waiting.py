"""Tests wait for what they name, and no number of theirs is a guess about the machine."""

import ast
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kingbird.tests import waiting
from kingbird.tests.threads import begun_threads
from kingbird.tests.waiting import bounded, eventually, wait_for

TESTS = Path(__file__).parents[1]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no patience."""
    monkeypatch.setattr(waiting, "PATIENCE", 0.05)


def test_what_comes_is_returned() -> None:
    found = iter([0, None, "", "it"])
    assert eventually("it comes", lambda: next(found), poll=0) == "it"


def test_what_does_not_come_is_named() -> None:
    with pytest.raises(AssertionError, match="not within 0 s: it comes"):
        eventually("it comes", lambda: False, seconds=0)


def test_code_names_what_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "eventually", partial(eventually, seconds=0))
    found: list[int] = []
    with pytest.raises(AssertionError, match=r"wait_for\(lambda: found\)"):
        wait_for(lambda: found)


def test_a_block_that_hangs_is_ended_and_fails(hasty: None) -> None:
    gate = threading.Event()
    with (
        pytest.raises(AssertionError, match="the gate opens"),
        bounded("the gate opens", gate.set),
    ):
        assert gate.wait(60)


def test_a_block_that_ends_passes(hasty: None) -> None:
    gate = threading.Event()
    with bounded("nothing is waited for", gate.set):
        pass
    assert not gate.wait(0.2)


def test_threads_that_a_block_begins() -> None:
    gate = threading.Event()
    other, mine = (threading.Thread(target=gate.wait, args=(60,), name=name) for name in "om")
    other.start()
    with begun_threads() as begun:
        mine.start()
    gate.set()
    assert begun == ["m"]


#: Calls that wait, with the position of their bound.
WAITS = {"wait": 0, "join": 0, "result": 0, "settimeout": 0, "communicate": 1}
#: Calls that take a ``timeout``.
CALLS = {"run", "communicate", "get", "post", "request", "open", "result", "eventually"}
#: These measure what they promise.
MEASURED = TESTS / "functional" / "chaos"
#: Bounds below it are pauses, in which something must not happen.
PAUSE = 2


def number(node: ast.expr | None) -> float | None:
    """Return the number that stands in the code, if it is one."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return None if isinstance(node.value, bool) else float(node.value)
    return None


def guesses(tree: ast.AST) -> Iterator[tuple[int, float]]:
    """Yield lines with the number of seconds that something may take."""
    for node in ast.walk(tree):
        bounds: list[ast.expr | None] = []
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in CALLS:
                bounds += [one.value for one in node.keywords if one.arg in ("timeout", "seconds")]
            if name in WAITS and len(node.args) > WAITS[name]:
                bounds.append(node.args[WAITS[name]])
        elif isinstance(node, ast.Compare) and "monotonic()" in ast.unparse(node):
            *_, last = node.ops
            if isinstance(last, ast.Lt | ast.LtE):
                bounds.append(node.comparators[-1])
        for bound in map(number, bounds):
            if bound is not None and bound >= PAUSE:
                yield node.lineno, bound  # type: ignore[attr-defined]


def test_no_test_guesses_how_long_the_machine_takes() -> None:
    """A bound is ``PATIENCE``, or a name that says what lasts so long."""
    found = [
        f"{path.relative_to(TESTS)}:{line}: {bound:.0f} s"
        for path in sorted(TESTS.rglob("*.py"))
        for line, bound in guesses(ast.parse(path.read_text()))
        if path != Path(__file__) and MEASURED not in path.parents
    ]
    assert found == []
