"""A listener over a database of its own: messages become rows."""

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.listener.events import UPDATE, Event, read
from kingbird.listener.health import Hearing, Heart
from kingbird.listener.marks import MarkWriter
from kingbird.tests.unit.db.rows import PROJECT, stored_rule, sync_set
from kingbird.tests.unit.listener.messages import payload


@pytest.fixture
def writer(database: Any) -> MarkWriter:
    return MarkWriter(database, lambda: None, threading.Event())


def heard(event_type: str = UPDATE, **fields: Any) -> Event:
    found = read("R1", event_type, payload(**{"owner": PROJECT, **fields}))
    assert isinstance(found, Event)
    return found


def marks() -> set[tuple[int, str]]:
    with db.get_engine().connect() as bind:
        return {(row.rule_pk, row.image_id) for row in bind.execute(sa.select(db.Mark.__table__))}


def test_marks_are_written_and_cleared(writer: MarkWriter) -> None:
    rule = stored_rule(enabled=True)
    stored_rule(enabled=True, sync=sync_set(["*"], ["R2"], ["*"]))
    stored_rule(enabled=False)
    event = heard()
    assert writer.write([event, heard(owner="another")])
    assert writer.write([event])
    assert marks() == {(rule.pk, event.image_id)}
    assert writer.write([heard("image.delete", id=event.image_id, status="deleted")])
    assert marks() == set()


def test_heartbeats_end_with_the_listener(database: Any) -> None:
    stopping = threading.Event()
    hearing = Hearing(["R1"])
    hearing.connected(["R1"], True)
    heart = Heart("me", hearing, lambda: 1, stopping)
    heart._beat()
    (found,) = db.listeners.alive(60)
    assert found.regions["R1"]["connected"]
    stopping.set()
    heart.stop()
    # A heartbeat that was under way brings no row back.
    heart._beat()
    assert list(db.listeners.alive(60)) == []
