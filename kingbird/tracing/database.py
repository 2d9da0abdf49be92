"""Spans of statements.

osprofiler's own listeners take a statement's parameters along, and end a span that they did not
begin when a connection can't be made.
"""

from typing import Any

import sqlalchemy as sa
from osprofiler import profiler
from sqlalchemy import event

#: Marks a statement's context while its span is open.
_OPEN = "_kingbird_span"


def listen(engine: sa.Engine) -> None:
    """Trace the statements of an engine."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)


def _begin(
    connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> None:
    if profiler.get() is not None and context is not None:
        profiler.start("db", {"db": {"statement": statement}})
        setattr(context, _OPEN, True)


def _end(
    connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool
) -> None:
    if getattr(context, _OPEN, False):
        setattr(context, _OPEN, False)
        profiler.stop()


def _fail(problem: sa.ExceptionContext) -> None:
    if getattr(problem.execution_context, _OPEN, False):
        setattr(problem.execution_context, _OPEN, False)
        profiler.stop({"etype": type(problem.original_exception).__name__})
