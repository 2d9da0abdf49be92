"""Open transactions with oslo.db's enginefacade, and make SQLite safe for threads."""

import functools
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlencode

import sqlalchemy as sa
from oslo_config import cfg
from oslo_db import api as oslo_db_api
from oslo_db import exception as db_exc
from oslo_db.sqlalchemy import enginefacade
from sqlalchemy import event, orm
from sqlalchemy import exc as sa_exc

from kingbird import exception
from kingbird.batching import batched
from kingbird.db import error_texts, timeouts
from kingbird.tracing import spans, statements

P = ParamSpec("P")
R = TypeVar("R")

_manager = enginefacade.transaction_context()

#: Rows or ids in one statement; bound variables stay well below every database's limit.
BATCH = 500
#: A lease divided by this is the time for which a transaction may be idle.
IDLE_FRACTION = 3
#: Seconds that an engine's writer of SQLite waits for another writer.
SQLITE_BUSY_TIMEOUT = 30

#: Errors of a database that can't be reached or has no tables yet.
_UNAVAILABLE = (
    db_exc.DBConnectionError,
    db_exc.CantStartEngineError,
    db_exc.DBDeadlock,
    sa_exc.OperationalError,
    sa_exc.TimeoutError,
    db_exc.DBNonExistentDatabase,
    db_exc.DBNonExistentTable,
)
#: Errors about what a row holds: from oslo.db, and from SQLAlchemy or a driver.
_REFUSED = (db_exc.DBDataError, db_exc.DBConstraintError, db_exc.DBInvalidUnicodeParameter)
_REFUSED_INSIDE = (sa_exc.DataError, ValueError)
#: Numbers of operational errors of MySQL and MariaDB that are about what a row holds: a packet
#: that is too large, invalid JSON, and constraints.
_REFUSALS = (1153, 3140, 3141, 3819, 4025)
#: Codes of PostgreSQL and MySQL for a server that is read-only, such as a standby.
_READ_ONLY = ("25006", 1290, 1792, 1836)


@enginefacade.transaction_context_provider
class _TransactionContext:
    """Carry enginefacade's transaction; one for each block."""


def configure(conf: cfg.ConfigOpts, *, seconds: int | None = None) -> None:
    """Configure the connection to ``[database] connection``.  Call this once, before first use.

    :param seconds: seconds after which a database that does not answer is unavailable.  By
        default calls wait without limit.  A call is tried twice at most, so a writer of SQLite
        waits twice as long for other writers.
    """
    global _manager  # noqa: PLW0603  enginefacade can't be configured twice
    _manager = enginefacade.transaction_context()
    options: dict[str, Any] = {
        name: getattr(conf.database, name)
        for name in ("connection", "max_retries", "retry_interval", "connection_recycle_time")
    }
    if not options["connection"].startswith("sqlite"):
        for name in ("max_pool_size", "max_overflow", "pool_timeout"):
            options[name] = getattr(conf.database, name)
    url = sa.make_url(options["connection"])
    if url.get_backend_name() == "mariadb":
        # oslo.db recognizes deadlocks and duplicates of "mysql" only.
        url = url.set(drivername=url.drivername.replace("mariadb", "mysql", 1))
        options["connection"] = url.render_as_string(hide_password=False)
    parameters = {} if seconds is None else timeouts.connect_args(url, seconds)
    if seconds is not None:
        _manager.append_on_engine_create(
            functools.partial(timeouts.limit_ping, seconds=seconds, given=tuple(parameters))
        )
    if url.get_backend_name() == "mysql" and "charset" not in url.query:
        # oslo.db's default is MySQL's three-byte "utf8".
        parameters["charset"] = "utf8mb4"
    _manager.configure(sqlite_fk=True, connection_parameters=urlencode(parameters), **options)
    _manager.append_on_engine_create(error_texts.hide_values)
    busy = SQLITE_BUSY_TIMEOUT if seconds is None else 2 * seconds
    _manager.append_on_engine_create(functools.partial(_prepare_sqlite, busy=busy))
    _manager.append_on_engine_create(
        functools.partial(timeouts.set_idle_timeout, seconds=conf.engine.lease / IDLE_FRACTION)
    )
    if spans.is_enabled() and conf.profiler.trace_sqlalchemy:
        _manager.append_on_engine_create(statements.instrument)


def dispose() -> None:
    """Close the pool's connections, for example after a fork."""
    if _manager.is_started:
        _manager.dispose_pool()


def get_engine() -> sa.Engine:
    """Return SQLAlchemy's engine for migrations and checks."""
    return _manager.writer.get_engine()


def _prepare_sqlite(engine: sa.Engine, busy: int) -> None:
    """Make writers of SQLite wait for each other.

    By default a transaction takes its lock at the first write, and of two that have read before
    one fails at once.  ``BEGIN IMMEDIATE`` waits for the lock at the start.  With a write-ahead
    log readers do not wait.

    :param busy: seconds to wait for the lock.
    """
    if engine.dialect.name != "sqlite":
        return
    event.listen(engine, "connect", functools.partial(_connect_sqlite, busy=busy))
    # oslo.db emits the BEGIN, and its listener runs first.
    event.listen(engine, "before_cursor_execute", _begin_sqlite, retval=True)


def _connect_sqlite(connection: Any, record: Any, *, busy: int) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(f"PRAGMA busy_timeout={busy * 1000}")


def _begin_sqlite(
    connection: sa.Connection,
    cursor: Any,
    statement: str,
    parameters: Any,
    context: Any,
    executemany: bool,
) -> tuple[str, Any]:
    if statement == "BEGIN":
        mode = connection.get_execution_options().get("kingbird_begin", "IMMEDIATE")
        statement = f"BEGIN {mode}"
    return statement, parameters


@contextmanager
def writer() -> Iterator[orm.Session]:
    """Open a transaction that is committed at the end, or rolled back after an error."""
    with _manager.writer.using(_TransactionContext()) as session:
        yield session


@contextmanager
def reader() -> Iterator[orm.Session]:
    """Open a session that only reads."""
    with _manager.reader.using(_TransactionContext()) as session:
        if session.get_bind().dialect.name == "sqlite":
            session.connection(execution_options={"kingbird_begin": "DEFERRED"})
        yield session


#: Seconds before a transaction whose connection was lost is retried.
RECONNECT_DELAY = 0.2
#: Seconds after which a transaction whose connection was lost is not retried.
RETRY_LIMIT = 2.0


def retry_on_disconnect(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function that opens a transaction and may run twice.

    The function is retried after a deadlock or a lost connection.  The first run may have been
    committed, if only the answer to the commit was lost.  A database that can't be reached after
    that, or is read-only, raises :class:`kingbird.exception.Unavailable`: the API answers 503,
    and an engine waits.
    """
    retried = oslo_db_api.wrap_db_retry(
        max_retries=5, retry_interval=0.1, inc_retry_interval=True, retry_on_deadlock=True
    )(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        begun = time.monotonic()
        try:
            try:
                return retried(*args, **kwargs)
            except db_exc.DBConnectionError:
                if time.monotonic() - begun > RETRY_LIMIT:
                    # The database accepts connections but does not answer.
                    raise
                # The next call opens a new connection.  oslo.db's own retry would log a traceback
                # each time.
                time.sleep(RECONNECT_DELAY)
                return retried(*args, **kwargs)
        except (*_UNAVAILABLE, db_exc.DBError) as error:
            read_only = _is_read_only(error)
            if read_only:
                # After a failover the address leads to the new primary.
                dispose()
            elif refuses_row(error) or not isinstance(error, _UNAVAILABLE):
                raise
            raise exception.Unavailable(
                "The database can't be used at the moment", retry_after=5
            ) from error

    return call


@retry_on_disconnect
def ping() -> None:
    """Run a query to check that the database answers.

    :raises kingbird.exception.Unavailable: it can't be reached.
    """
    with reader() as session:
        session.execute(sa.select(1))


@retry_on_disconnect
def rows(query: sa.Executable) -> Sequence[Any]:
    """Return the rows of one query, in a transaction of its own."""
    with reader() as session:
        return session.execute(query).all()


@retry_on_disconnect
def rows_in(
    query: sa.Select[*tuple[Any, ...]], column: Any, values: Iterable[Any]
) -> Sequence[Any]:
    """Return the rows of one query in which a column has one of some values; see :func:`rows`.

    The values are asked for in batches.
    """
    with reader() as session:
        return [
            row
            for some in batched(values, BATCH)
            for row in session.execute(query.where(column.in_(some)))
        ]


@retry_on_disconnect
def scalars(query: sa.Executable) -> Sequence[Any]:
    """Return the first value, or the object, of each row of one query; see :func:`rows`."""
    with reader() as session:
        return session.execute(query).scalars().all()


@retry_on_disconnect
def scalar(query: sa.Executable) -> Any:
    """Return the first value, or the object, of the only row of one query; see :func:`rows`.

    :returns: ``None`` if there is no row.
    """
    with reader() as session:
        return session.execute(query).scalar_one_or_none()


def write(session: orm.Session, statement: sa.UpdateBase) -> int:
    """Change or delete rows, and leave the objects of the session as they are.

    :returns: the number of rows.
    """
    result: Any = session.execute(statement, execution_options={"synchronize_session": False})
    return int(result.rowcount)


def update_rows(session: orm.Session, model: Any, pks: Iterable[int], **values: Any) -> None:
    """Give rows the same values, by their primary keys, in batches; see :func:`write`."""
    for some in batched(pks, BATCH):
        write(session, sa.update(model).where(model.pk.in_(some)).values(**values))


def delete_rows(session: orm.Session, model: Any, pks: Collection[int]) -> None:
    """Delete rows of a table by their primary keys, in batches; see :func:`write`."""
    for some in batched(sorted(pks), BATCH):
        write(session, sa.delete(model).where(model.pk.in_(some)))


def refuses_row(error: Exception) -> bool:
    """Return whether an error is about what a row holds, so that other rows can be written."""
    if isinstance(error, db_exc.DBError):
        inner = error.inner_exception
        # The value could not be made a parameter of the statement.
        is_unsent = type(inner) is sa_exc.StatementError
        return isinstance(error, _REFUSED) or isinstance(inner, _REFUSED_INSIDE) or is_unsent
    return isinstance(error, _REFUSED) or _has_code(error, _REFUSALS)


def _is_read_only(error: Exception) -> bool:
    return _has_code(error, _READ_ONLY)


def _has_code(error: Exception, codes: Collection[int | str]) -> bool:
    cause: Any = error.inner_exception if isinstance(error, db_exc.DBError) else error
    original = getattr(cause, "orig", None)
    number = original.args[0] if original is not None and original.args else None
    return getattr(original, "pgcode", None) in codes or number in codes
