"""The way into the database: threads side by side, and a database that is away."""

import threading

import pytest

from kingbird import exception
from kingbird.db import api as db
from kingbird.tests.unit.db.rows import PROJECT, accepted_job


def test_writers_wait_for_each_other(database):
    """Each reads and then writes, which SQLite refuses unless told otherwise."""
    errors, barrier = [], threading.Barrier(8)

    def work():
        barrier.wait()
        try:
            for _ in range(10):
                job_id = accepted_job()
                assert db.jobs.get(PROJECT, job_id)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(db.jobs.list_for_project(PROJECT)) == 80


@pytest.mark.parametrize(
    "url",
    [
        "mysql+pymysql://root@127.0.0.1:1/kingbird",
        "postgresql+psycopg2://postgres@127.0.0.1:1/kingbird",
        "sqlite:////nowhere/at/all.sqlite",
    ],
)
def test_a_database_that_is_away_is_unavailable(conf, url):
    conf.set_override("connection", url, group="database")
    conf.set_override("retry_interval", 0, group="database")
    db.configure(conf)
    with pytest.raises(exception.Unavailable, match="database"):
        db.jobs.list_for_project(PROJECT)


def test_a_database_without_tables_is_unavailable(conf, tmp_path):
    conf.set_override("connection", f"sqlite:///{tmp_path}/empty.sqlite", group="database")
    db.configure(conf)
    with pytest.raises(exception.Unavailable, match="database"):
        db.jobs.list_for_project(PROJECT)
