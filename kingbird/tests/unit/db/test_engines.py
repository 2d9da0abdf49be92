"""Engines and their signs of life."""

from datetime import timedelta

import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.tests.unit.db.rows import utcnow


def beat(engine_id, host="h"):
    db.engines.heartbeat(engine_id, host=host, pid=7, version="1.2", rpc_version="1.0")


def test_engines_are_listed_by_host_with_their_signs_of_life(database):
    beat("two", "b")
    beat("one", "a")
    with db.get_engine().begin() as bind:
        bind.execute(
            sa.update(db.Engine).where(db.Engine.id == "two").values(seen=db.Engine.seen - 5000)
        )
    listed = db.engines.list_all(4)
    assert [(engine.id, alive) for engine, alive in listed] == [("one", True), ("two", False)]
    assert [alive for _, alive in db.engines.list_all(6)] == [True, True]
    engine = listed[0][0]
    assert (engine.host, engine.pid, engine.version) == ("a", 7, "1.2")
    assert abs(engine.started_at - utcnow()) < timedelta(seconds=10)


def test_an_engine_has_begun_once(database):
    beat("one")
    ((first, _),) = db.engines.list_all(10)
    beat("one")
    ((again, _),) = db.engines.list_all(10)
    assert again.started_at == first.started_at
    db.engines.deregister("one")
    assert db.engines.list_all(10) == []
