"""A round of the rules loop in which nothing is due costs the same for any number of rules."""

import threading
import uuid
from collections import Counter

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.engine import rules
from kingbird.engine.rules import begin_due_runs, begin_event_runs
from kingbird.tests.unit.db.rows import stored_rule
from kingbird.tests.waiting import eventually

#: Rules that one statement changes.
BATCH = 500
#: The rules that are due, and those that have to look at images.
STATEMENTS = 2


@pytest.fixture
def asked(database):
    """Give a function that runs another one, and returns the statements that it made."""
    engine = db.get_engine()
    made = []

    def note(connection, cursor, statement, *_):
        made.append(statement.split()[0])

    def run(function):
        made.clear()
        function()
        # SQLite's BEGIN is a statement too.
        return [word for word in made if word != "BEGIN"]

    sa.event.listen(engine, "before_cursor_execute", note)
    yield run
    sa.event.remove(engine, "before_cursor_execute", note)


def multiply(number):
    """Store copies of the only rule."""
    with db.get_engine().begin() as bind:
        row = dict(bind.execute(sa.select(db.Rule.__table__)).mappings().one())
        del row["pk"]
        copies = [{"id": str(uuid.uuid4()), "name": f"rule {n}"} for n in range(number)]
        bind.execute(sa.insert(db.Rule), [{**row, **copy} for copy in copies])


def one_round():
    assert begin_event_runs() == (0, False)
    assert begin_due_runs() == 0


def test_a_round_asks_the_same_for_any_number_of_rules(asked):
    stored_rule()
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Rule).values(enabled=True))
    few = asked(one_round)
    multiply(999)
    assert asked(one_round) == few == ["SELECT"] * STATEMENTS


def test_full_runs_of_many_rules_become_due_in_few_statements(asked):
    stored_rule()
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Rule).values(enabled=True))
    multiply(2 * BATCH - 1)
    made = asked(lambda: db.rule_runs.full_run_due("R1"))
    assert made == ["SELECT", "UPDATE", "UPDATE"]
    with db.get_engine().connect() as bind:
        query = sa.select(sa.func.count()).where(db.Rule.next_run <= db.rule_runs.now_ms())
        assert bind.scalar(query) == 2 * BATCH


def test_a_new_mark_takes_two_statements(asked):
    rule = stored_rule()
    for image_id in ("a", "b"):
        made = asked(lambda name=image_id: db.marks.add([(rule.pk, name)], settle=1))
        # The rule, and the mark.
        assert made == ["SELECT", "INSERT"]
    again = asked(lambda: db.marks.add([(rule.pk, "a")], settle=1))
    assert again == ["SELECT", "INSERT", "UPDATE"]


def test_a_message_lets_the_engine_look_at_marks_alone(monkeypatch):
    looked = Counter()
    stopping = threading.Event()

    def look(what, result):
        def count():
            looked[what] += 1
            return result

        return count

    monkeypatch.setattr(rules, "INTERVAL", 1_000)
    monkeypatch.setattr(rules, "SHORTEST", 0)
    monkeypatch.setattr(rules, "begin_event_runs", look("marks", (0, False)))
    monkeypatch.setattr(rules, "begin_due_runs", look("due", 0))
    loop = rules.RulesLoop(lambda: None, stopping)
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        for number in range(1, 5):
            eventually("it has looked", lambda n=number: looked["marks"] >= n)
            loop.wake()
    finally:
        stopping.set()
        loop.wake()
        thread.join()
    assert looked["due"] == 1


def test_a_pause_is_waited_for_without_a_message(monkeypatch):
    looked, stopping = Counter(), threading.Event()

    def look():
        looked["marks"] += 1
        return 0, looked["marks"] < 3

    monkeypatch.setattr(rules, "INTERVAL", 1_000)
    monkeypatch.setattr(rules, "PAUSING", 0.01)
    monkeypatch.setattr(rules, "begin_event_runs", look)
    monkeypatch.setattr(rules, "begin_due_runs", lambda: 0)
    loop = rules.RulesLoop(lambda: None, stopping)
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        eventually("the pause is over", lambda: looked["marks"] == 3)
    finally:
        stopping.set()
        loop.wake()
        thread.join()


@pytest.mark.parametrize("pausing", [True, False])
def test_messages_begin_nothing_while_a_rule_pauses(monkeypatch, pausing):
    """See for how long the engine looks at nothing, though a message has come."""
    waits = []

    class Stopping(threading.Event):
        def wait(self, timeout=None):
            waits.append(timeout)
            self.set()
            return True

    loop = rules.RulesLoop(lambda: None, Stopping())

    def look():
        # A message comes while it looks.
        loop.wake()
        return 0, pausing

    monkeypatch.setattr(rules, "PAUSING", 1_000)
    monkeypatch.setattr(rules, "SHORTEST", 1)
    monkeypatch.setattr(rules, "begin_event_runs", look)
    monkeypatch.setattr(rules, "begin_due_runs", lambda: 0)
    loop.run()
    (waited,) = waits
    assert (waited > 900) is pausing
