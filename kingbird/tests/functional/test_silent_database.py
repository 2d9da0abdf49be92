"""A database that accepts connections but never answers is reported as unavailable in time."""

import time
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
import webob

from kingbird.api import app
from kingbird.db import api as db
from kingbird.tests.api.world import PROJECT, World
from kingbird.tests.functional import services
from kingbird.tests.functional.relay import Relay
from kingbird.tests.waiting import bounded

JOBS = f"/v1.0/{PROJECT}/os-sync"


@pytest.fixture(params=["MariaDB", "PostgreSQL"])
def silent(request: pytest.FixtureRequest) -> Iterator[tuple[World, Relay]]:
    """Start the API on a database, and return it with the relay in between."""
    services.require(request.param)
    with World() as world, services.database(request.param) as url, Relay(url) as relay:
        world.conf.set_override("connection", relay.url, group="database")
        db.configure(world.conf, seconds=app.DATABASE_SECONDS)
        db.migration.sync()
        yield world, relay
        relay.go_on()
        db.dispose()


def ask(world: World, relay: Relay) -> webob.Response:
    """Return a response, which a silent database must not hold up."""
    request = webob.Request.blank(JOBS)
    request.headers["X-Auth-Token"] = "member"
    with bounded("the API answers", relay.go_on):
        return request.get_response(world.application)


def test_a_database_that_falls_silent(silent: tuple[World, Relay]) -> None:
    world, relay = silent
    assert ask(world, relay).status_int == 200
    relay.stall()
    response = ask(world, relay)
    assert response.status_int == 503, response.text
    assert response.headers["Retry-After"] == "5"
    relay.go_on()
    assert ask(world, relay).status_int == 200


def test_a_database_that_never_spoke(silent: tuple[World, Relay]) -> None:
    world, relay = silent
    relay.stall()
    db.dispose()
    db.configure(world.conf, seconds=app.DATABASE_SECONDS)
    response = ask(world, relay)
    assert response.status_int == 503, response.text


def test_statements_may_take_longer(silent: tuple[World, Relay]) -> None:
    with db.get_engine().connect() as connection:
        sleep = "pg_sleep" if connection.dialect.name == "postgresql" else "sleep"
        begun = time.monotonic()
        connection.execute(sa.text(f"SELECT {sleep}({app.DATABASE_SECONDS + 1})"))
        assert time.monotonic() - begun > app.DATABASE_SECONDS
        connection.execute(sa.text("SELECT 1"))
