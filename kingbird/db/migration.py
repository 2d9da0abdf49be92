"""Migrate the schema with Alembic from inside the package."""

import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import alembic.command
import alembic.config
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from oslo_db import exception as db_exc

from kingbird import exception
from kingbird.db import connection

LOG = logging.getLogger(__name__)

_SCRIPTS = Path(__file__).parent / "alembic"

#: Seconds that a program waits for another one that changes the schema.
LOCK_TIMEOUT = 3600


def _config(bind: sa.Connection | None = None) -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("file_template", "r%%(rev)s_%%(slug)s")
    config.attributes["connection"] = bind
    return config


def sync(revision: str = "head") -> None:
    """Migrate the configured database to ``revision``.

    Several programs may call this at the same time.  One of them migrates, the others wait.

    :param revision: ``head``, a revision's id, or ``+1`` and the like.
    :raises kingbird.exception.SchemaError: there is no such revision, or a newer release has
        changed the schema already.
    """
    with connection.get_engine().connect() as bind, _exclusive(bind):
        try:
            alembic.command.upgrade(_config(bind), revision)
        except CommandError as error:
            raise exception.SchemaError(_explain(bind, error)) from error
        bind.commit()


def _explain(bind: sa.Connection, error: CommandError) -> str:
    at = MigrationContext.configure(bind).get_current_revision()
    if is_known(at):
        return str(error)
    return f"The schema is at {at}, which a newer release has made and this one doesn't know"


@contextmanager
def _exclusive(bind: sa.Connection) -> Iterator[None]:
    """Prevent other programs from changing the same schema meanwhile.

    SQLite needs no lock: all migrations run in one transaction, and writers wait for each other.
    """
    if bind.dialect.name == "postgresql":
        # The transaction, in which all migrations run, releases the lock.
        bind.execute(sa.select(sa.func.pg_advisory_xact_lock(zlib.crc32(b"kingbird db sync"))))
        yield
    elif bind.dialect.name in ("mysql", "mariadb"):
        # The server has one room for the names of locks.
        name = f"kingbird-{zlib.crc32(str(bind.engine.url.database).encode())}"
        try:
            got = bind.scalar(sa.select(sa.func.get_lock(name, LOCK_TIMEOUT)))
        except (db_exc.DBError, sa.exc.SQLAlchemyError) as error:
            # Some clusters refuse it; then the operator sees to it that one does this.
            LOG.warning(
                "Unable to lock the schema, migrating without a lock: %s", type(error).__name__
            )
            bind.rollback()
            yield
            return
        if not got:
            raise exception.SchemaError("Another program is changing the schema")
        try:
            bind.commit()
            yield
        finally:
            bind.rollback()
            bind.execute(sa.select(sa.func.release_lock(name)))
    else:
        yield


def current() -> str | None:
    """Return the revision of the database, or ``None`` if it is empty."""
    with connection.get_engine().connect() as bind:
        return MigrationContext.configure(bind).get_current_revision()


def head() -> str | None:
    """Return the newest revision that this release knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def revisions() -> list[str]:
    """Return the revisions that this release knows, oldest first."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return [script.revision for script in scripts][::-1]


def is_known(revision: str | None) -> bool:
    """Return whether this release can migrate a database from a revision."""
    return revision is None or revision in revisions()
