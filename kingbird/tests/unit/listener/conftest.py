"""Give tests of the listener a database that can be away, and the events that were emitted."""

from collections.abc import Iterator
from typing import Any

import pytest

from kingbird import events
from kingbird.listener import consumer, health, marks
from kingbird.tests.unit.listener.fakes import FakeDatabase
from kingbird.tests.unit.listener.messages import rule


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> FakeDatabase:
    """Give a database with one rule about the images of R1."""
    made = FakeDatabase(rule(1))
    for module in (marks, health, consumer):
        monkeypatch.setattr(module, "db", made)
    return made


@pytest.fixture
def emitted() -> Iterator[list[Any]]:
    """Give the events that are emitted."""
    found: list[Any] = []
    events.subscribe(found.append)
    yield found
    events.unsubscribe(found.append)
