"""Schema migrations with alembic, from inside the package."""

from pathlib import Path

import alembic.command
import alembic.config
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from kingbird.db import connection

_SCRIPTS = Path(__file__).parent / "alembic"


def _config(bind: sa.Connection | None = None) -> alembic.config.Config:
    config = alembic.config.Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("file_template", "r%%(rev)s_%%(slug)s")
    config.attributes["connection"] = bind
    return config


def sync(revision: str = "head") -> None:
    """Bring the database that is configured to ``revision``.

    :param revision: ``head``, a revision's id, or ``+1`` and the like.
    :raises alembic.util.CommandError: there is no such revision.
    """
    with connection.get_engine().connect() as bind:
        alembic.command.upgrade(_config(bind), revision)
        bind.commit()


def current() -> str | None:
    """Return the revision that the database is at; ``None`` when it is empty."""
    with connection.get_engine().connect() as bind:
        return MigrationContext.configure(bind).get_current_revision()


def head() -> str | None:
    """Return the newest revision that this release knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()
