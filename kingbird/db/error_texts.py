"""Keep what rows hold out of errors, which are logged: a trust's id, names of images."""

from typing import Any

import sqlalchemy as sa


def hide_values(engine: sa.Engine) -> None:
    """Let errors of statements tell neither parameters nor rows.

    oslo.db has no option for it.
    """
    engine.hide_parameters = True
    if engine.dialect.name == "postgresql":
        sa.event.listen(engine, "handle_error", _cut)


def _cut(context: sa.ExceptionContext) -> None:
    """Leave the first line of PostgreSQL's text.

    Further ones quote the statement, into which the driver has put the parameters, or the row that
    is refused.  oslo.db has read what it needs of them before.
    """
    errors: tuple[Any, ...] = (
        context.original_exception,
        context.sqlalchemy_exception,
        # There is none if oslo.db knows no other error for it.
        getattr(context, "chained_exception", None),
    )
    for error in errors:
        if error is not None and error.args and isinstance(error.args[0], str):
            error.args = (error.args[0].partition("\n")[0], *error.args[1:])
