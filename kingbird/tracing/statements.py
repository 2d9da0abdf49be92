"""Spans of SQL statements.

osprofiler's listeners trace the values of a statement, and stop a span that they did not start if
a connection cannot be made or SQLite is locked.
"""

from typing import Any

import sqlalchemy as sa
from osprofiler import profiler
from sqlalchemy import event

#: Marks the context of a statement whose span is open.
_OPEN = "_kingbird_span"
#: The last events before the driver.  After them no other listener fails with the span open.
_BEFORE = ("do_execute", "do_executemany", "do_execute_no_params")


def instrument(engine: sa.Engine) -> None:
    """Trace the statements of an engine."""
    for name in _BEFORE:
        event.listen(engine, name, _start)
    event.listen(engine, "after_cursor_execute", lambda *args: _stop(args[4]))
    event.listen(engine, "handle_error", _fail)


def _start(cursor: Any, statement: str, *more: Any) -> None:
    context = more[-1]
    if profiler.get() is not None and context is not None:
        profiler.start("db", {"db": {"statement": statement}})
        setattr(context, _OPEN, True)


def _stop(context: Any, info: dict[str, Any] | None = None) -> None:
    if getattr(context, _OPEN, False):
        setattr(context, _OPEN, False)
        profiler.stop(info)


def _fail(problem: sa.ExceptionContext) -> None:
    _stop(problem.execution_context, {"etype": type(problem.original_exception).__name__})
