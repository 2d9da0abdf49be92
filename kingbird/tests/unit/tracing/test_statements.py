"""Spans of statements begin and end with them, and hold no values."""

import pytest
import sqlalchemy as sa

from kingbird.tracing import spans, statements

IDS = {"base_id": "b", "parent_id": "p"}


@pytest.fixture
def engine(tmp_path):
    made = sa.create_engine(f"sqlite:///{tmp_path}/x.sqlite")
    statements.instrument(made)
    yield made
    made.dispose()


def ends(traced):
    return [one["name"] for one in traced]


def test_a_statement(traced, engine):
    with engine.connect() as connection:
        # This one is not traced.
        connection.execute(sa.text("SELECT 1"))
        with spans.attach(IDS):
            connection.execute(sa.text("SELECT :x AS found"), {"x": "a-value"})
    assert ends(traced) == ["db-start", "db-stop"]
    assert traced[0]["info"]["db"]["statement"] == "SELECT ? AS found"
    assert "a-value" not in str(traced)


def test_one_that_fails(traced, engine):
    with spans.attach(IDS), spans.span("around"), engine.connect() as connection:
        with pytest.raises(sa.exc.OperationalError):
            connection.execute(sa.text("SELECT :x FROM nowhere"), {"x": "a-value"})
        connection.rollback()
    assert ends(traced) == ["around-start", "db-start", "db-stop", "around-stop"]
    assert traced[2]["info"]["etype"] == "OperationalError"
    assert "nowhere" not in str(traced[2:])


def test_a_connection_that_fails_ends_no_span(traced):
    engine = sa.create_engine("sqlite:////no/such/folder/x.sqlite")
    statements.instrument(engine)
    with spans.attach(IDS), spans.span("around"):
        with pytest.raises(sa.exc.OperationalError):
            engine.connect()
        with spans.span("after"):
            pass
    assert ends(traced) == ["around-start", "after-start", "after-stop", "around-stop"]


def fail(*args):
    raise ZeroDivisionError


def around_one(traced, engine):
    """Return what is traced of a span with a statement that fails."""
    with spans.attach(IDS), engine.connect() as connection:
        with spans.span("around"), pytest.raises(ZeroDivisionError):
            connection.execute(sa.text("SELECT 1"))
        connection.rollback()
    return ends(traced)


def test_a_listener_that_fails_before_a_statement(traced, engine):
    """Skip the listener that ends spans, because another listener for errors fails first."""
    broken = sa.create_engine(engine.url)
    sa.event.listen(broken, "handle_error", fail)
    statements.instrument(broken)
    sa.event.listen(broken, "before_cursor_execute", fail)
    assert around_one(traced, broken) == ["around-start", "around-stop"]
    broken.dispose()


@pytest.mark.parametrize("name", ["do_execute", "after_cursor_execute"])
def test_a_listener_that_fails_later(traced, engine, name):
    sa.event.listen(engine, name, fail)
    assert around_one(traced, engine) == ["around-start", "db-start", "db-stop", "around-stop"]
