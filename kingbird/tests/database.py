"""Databases for tests, empty and with all tables.

A file of SQLite is migrated once in each process, and every test gets a copy.  A database on a
server is made once in each process, and emptied for every test.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from oslo_config import cfg

from kingbird.db import api as db
from kingbird.db import connection, models

#: The database that needs no server.
SQLITE = "SQLite"

#: The content of a file with all tables; a migration takes a thousand times as long as a copy.
_migrated = b""


def connect(conf: cfg.ConfigOpts, path: Path) -> None:
    """Connect the process to a new SQLite file that has all tables and no rows."""
    global _migrated  # noqa: PLW0603  the first database of the process fills it
    conf.set_override("connection", f"sqlite:///{path}", group="database")
    if not _migrated:
        db.configure(conf)
        db.migration.sync()
        # Closing the last connection brings what the log beside the file holds into the file.
        db.dispose()
        _migrated = path.read_bytes()
    path.write_bytes(_migrated)
    db.configure(conf)


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
            db.configure(conf)
            # Tests of the schema leave none, and a migration takes longer than a look.
            if db.migration.current() != newest:
                db.migration.sync()
            with connection.writer() as session:
                for table in reversed(models.Base.metadata.sorted_tables):
                    session.execute(table.delete())

        yield connect_to
