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

#: The driver is called right after these.  At ``before_cursor_execute`` other listeners can fail,
#: after which some versions of SQLAlchemy call nothing that could end a span.
BEGINS = ("do_execute", "do_executemany", "do_execute_no_params")


def listen(engine: sa.Engine) -> None:
    """Trace the statements of an engine."""
    for name in BEGINS:
        event.listen(engine, name, _begin)
    event.listen(engine, "after_cursor_execute", _end)
    # It is not called if one before it raises an error.  oslo.db's does, at a driver's error
    # without words; the span around is then taken for ended, and nothing else comes of it.
    event.listen(engine, "handle_error", _fail)


def _begin(cursor: Any, statement: str, *more: Any) -> None:
    context = more[-1]
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
