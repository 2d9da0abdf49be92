"""A rule has 50,000 marks: no statement reads them all, and no other rule waits for them."""

import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.tests.unit.db.reads import counting
from kingbird.tests.unit.db.rows import LEASE, row, rule_row, store_plan, stored_rule

MANY = 50_000
#: Rows that a statement may read, and images of a run.
MOST_ROWS, MOST_IMAGES = 1_000, 100
#: Rounds of an engine while all these marks are there, and marks that are worked off.
ROUNDS, REST = 3, 750


def listening_rule():
    """Store a rule that hears of events."""
    rule = stored_rule()
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Rule).where(db.Rule.pk == rule.pk).values(enabled=True))
    return rule_row(rule)


def fill(rule, number):
    """Store marks, half of which are due, as `db.marks.add` does in many calls."""
    values = {"rule_pk": rule.pk, "since": 1, "attempts": 0}
    due = (1, 2**50)
    rows = [
        {**values, "image_id": f"{index:036}", "due": due[index % 2] + index // 500}
        for index in range(number)
    ]
    with db.get_engine().begin() as bind:
        bind.execute(db.Mark.__table__.insert(), rows)
        if bind.dialect.name == "postgresql":
            # It does so by itself within a minute.
            bind.execute(sa.text("ANALYZE marks"))


def left(rule):
    """Return the number of marks of a rule."""
    return db.marks.waiting([rule.pk]).get(rule.pk, (0, 0))[0]


def begin():
    """Begin the runs of marks, as an engine does in each round."""
    begun = []
    while found := db.rule_runs.marked().ready:
        begun += [job for rule in found if (job := db.rule_runs.begin_event_run(rule))]
    return begun


def end(jobs):
    """Let all images of some jobs be in order but for the first one, which was made."""
    for _ in jobs:
        claim = db.leases.claim_job("e1", LEASE)
        image_id = claim.job.request[0]["resources"][0]
        store_plan(claim, [row(image_id, status="SUCCESS", reason="created")])


def worst(statements):
    """Return the number of rows of the statement that read most of them, and the statement."""
    return max((one.rows, one.text[:500]) for one in statements)


def test_they_are_worked_off_in_small_steps(database):
    crowded, other = listening_rule(), listening_rule()
    fill(crowded, MANY)
    db.marks.add([(other.pk, "of another rule")], settle=1)
    with counting() as statements:
        for number in range(ROUNDS):
            jobs = begin()
            images = [job.request[0]["resources"] for job in jobs if job.rule_id == crowded.id]
            assert [*map(len, images)] == [MOST_IMAGES, MOST_IMAGES]
            others = [job.rule_id for job in jobs if job.rule_id != crowded.id]
            assert others == ([other.id] if number == 0 else [])
            end(jobs)
        db.marks.add([(crowded.pk, f"{MANY - index:036}") for index in range(REST)], settle=0)
        db.marks.clear(f"{MANY - 1:036}", [crowded.pk, other.pk])
    rows, text = worst(statements)
    assert rows <= MOST_ROWS, f"{rows} rows are read by {text}"
    assert left(other) == 0


def test_they_are_worked_off_to_the_last_one(database, monkeypatch):
    # The last run of all has fewer images, and would wait for more.
    monkeypatch.setattr(db.rule_runs, "PAUSE_FOR_EACH", 0)
    rule = listening_rule()
    fill(rule, 2 * REST)
    runs = 0
    while jobs := begin():
        assert len(jobs) <= db.rule_runs.EVENT_RUNS_AT_ONCE
        end(jobs)
        runs += len(jobs)
    # The others are not due yet.
    assert (left(rule), runs) == (REST, -(-REST // MOST_IMAGES))
    db.marks.delete_of_rule(rule.pk)
    assert left(rule) == 0
