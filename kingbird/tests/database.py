"""Databases for tests, empty and with all tables.

A file of SQLite is migrated once in each process, and every test gets a copy.  A database on a
server is made once in each process, and emptied for every test.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_db.exception import DBError
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from kingbird import conf as kingbird_conf
from kingbird.db import api as db
from kingbird.db import connection, models

#: The database that needs no server.
SQLITE = "SQLite"

#: How a server takes several statements in one call: one for each table takes a tenth of a test.
_AT_ONCE = {
    "MariaDB": "BEGIN NOT ATOMIC {}END",
    "PostgreSQL": "DO $$ BEGIN {}END $$",
}

#: The content of a file with all tables; a migration takes a thousand times as long as a copy.
_migrated = b""
#: The connector of each database of the process.  It has compiled the statements of earlier tests,
#: which would take a third of a test's time.
_managers: dict[str, Any] = {}
#: The file to which it connects.
_file = Path()
#: Connections to the file that are not in use.
_idle: list["_Connection"] = []
#: Takes the engine of the last test back, with what the test has listened to.
_take_back: Callable[[], None] | None = None


def connect(conf: cfg.ConfigOpts, path: Path) -> None:
    """Connect the process to a new SQLite file that has all tables and no rows."""
    global _migrated, _file  # noqa: PLW0603  the first database of the process fills it
    conf.set_override("connection", f"sqlite:///{path}", group="database")
    if not _migrated:
        db.configure(conf)
        db.migration.sync()
        # Closing the last connection brings what the log beside the file holds into the file.
        db.dispose()
        _migrated = path.read_bytes()
    path.write_bytes(_migrated)
    _close_idle()
    _file = path
    _use(SQLITE, conf)


class _Connection(sqlite3.Connection):
    """A connection that stays open for the next transaction of its test.

    oslo.db opens a connection to a file for each transaction, which takes a fourth of the time of
    a test that stores something.
    """

    path = Path()

    def close(self) -> None:
        """Keep the connection, unless the test of its file has ended."""
        if self.path == _file:
            _idle.append(self)
        else:
            super().close()


def _close_idle() -> None:
    """Close the connections to the file of the last test."""
    while _idle:
        sqlite3.Connection.close(_idle.pop())


def _open_file(dialect: Any, record: Any, args: list[Any], options: Any) -> _Connection:
    """Return a connection to the file of the test that runs."""
    try:
        return _idle.pop()
    except IndexError:
        made = dialect.connect(str(_file), **options, factory=_Connection)
        made.path = _file
        return made


def _use(name: str, conf: cfg.ConfigOpts) -> None:
    """Connect with what has connected to a database before, if something has."""
    global _take_back  # noqa: PLW0603
    if _take_back is not None:
        _take_back()
    if name in _managers:
        connection._manager = _managers[name]
    else:
        db.configure(conf)
        _managers[name] = connection._manager
        if name == SQLITE:
            event.listen(db.get_engine(), "do_connect", _open_file)
    # What a test listens to on this engine is not heard from the next one.
    _take_back = connection._manager.patch_engine(db.get_engine().execution_options())
    # oslo.db's factory for tests is made without one, and can't close connections then.
    connection._manager._factory._start_lock = threading.Lock()


def make_tables(url: str) -> None:
    """Bring a database to the newest revision without the start of ``kingbird-manage``.

    The process stays connected to its own.
    """
    conf = cfg.ConfigOpts()
    kingbird_conf.register_opts(conf)
    conf([], project="kingbird", default_config_files=[], default_config_dirs=[])
    conf.set_override("connection", url, group="database")
    own = connection._manager
    db.configure(conf)
    try:
        db.migration.sync()
    finally:
        db.dispose()
        connection._manager = own


def _revision() -> str | None:
    """Return the revision of a database that may have no tables.

    Alembic asks for the names of all tables first.
    """
    with db.get_engine().connect() as bind:
        try:
            return bind.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        # oslo.db knows the error of PostgreSQL by another name, and leaves the one of MariaDB.
        except (DBError, DBAPIError):
            return None


@contextmanager
def servers() -> Iterator[Callable[[cfg.ConfigOpts, str], None]]:
    """Yield a function that connects the process to an empty database on a server.

    It takes a configuration and the name of the server, such as ``MariaDB``.  It skips or fails
    the running test if the server does not answer.  The databases are dropped at the end.
    """
    # Only these tests need the drivers of all services.
    from kingbird.tests.functional import services

    urls: dict[str, str] = {}
    newest = db.migration.head()
    with ExitStack() as stack:

        def connect_to(conf: cfg.ConfigOpts, server: str) -> None:
            if server not in urls:
                services.require(server)
                urls[server] = stack.enter_context(services.database(server))
            conf.set_override("connection", urls[server], group="database")
            _use(server, conf)
            # Tests of the schema leave none or an old one. A migration takes longer than a look.
            if _revision() != newest:
                db.migration.sync()
            deletions = "".join(
                f"{table.delete()}; " for table in reversed(models.Base.metadata.sorted_tables)
            )
            with db.get_engine().begin() as bind:
                bind.exec_driver_sql(_AT_ONCE[server].format(deletions))

        yield connect_to
