"""Use the functions of ``kingbird.db`` in the benchmark's own process."""

import contextlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from oslo_config import cfg

from kingbird import conf as kingbird_conf
from kingbird.db import api as db
from kingbird.tests.functional.people import Person


@contextlib.contextmanager
def configured(url: str, *, connections: int | None = None) -> Iterator[None]:
    """Configure this process for an empty database, and create its tables.

    :param connections: the number of connections that are kept, if not Kingbird's default.
    """
    conf = cfg.ConfigOpts()
    kingbird_conf.register_opts(conf)
    kingbird_conf.set_library_defaults()
    conf([], project="kingbird", default_config_files=[], default_config_dirs=[])
    conf.set_override("connection", url, group="database")
    if connections is not None:
        conf.set_override("max_pool_size", connections, group="database")
    db.configure(conf)
    try:
        db.migration.sync()
        yield
    finally:
        db.dispose()


def insert_job(
    connection: sa.Connection, person: Person, request: Sequence[Mapping[str, Any]], **columns: Any
) -> str:
    """Insert a job in progress, and return its id."""
    job_id = str(uuid.uuid4())
    job = {
        "id": job_id,
        "project_id": person.project_id,
        "user_id": person.user_id,
        "status": "IN_PROGRESS",
        "credentials": "trust",
        "request": list(request),
        **columns,
    }
    connection.execute(sa.insert(db.Job), [job])
    return job_id
