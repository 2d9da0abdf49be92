"""Subscribers hear what the database has taken, and a trust is deleted after that."""

import logging
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from kingbird import events, exception
from kingbird.db import api as db
from kingbird.engine import completion
from kingbird.engine.leases import HeldLease

JOB: Any = SimpleNamespace(id="job")
REGION: Any = SimpleNamespace(region="R2")
MOMENT = datetime(2026, 5, 5)
TASK = db.Claim(JOB, REGION, "e1", 1)
PLAN = db.Claim(JOB, None, "e1", 1)


@pytest.fixture
def told():
    """Give what happens: events, and calls of the database and of the credentials."""
    told = []
    events.subscribe(told.append)
    yield told
    events.unsubscribe(told.append)


@pytest.fixture
def access(told):
    return SimpleNamespace(
        revoke_trust=lambda job: told.append(("revoke", job)),
        forget=lambda job: told.append(("forget", job)),
    )


@pytest.fixture
def stored(told, monkeypatch):
    """Let the database note its calls, and give the ends that it answers with."""
    endings = [db.Ending()]

    def note(name, answer=None):
        def call(*args, **options):
            told.append((name, args, options))
            return answer() if answer else None

        return call

    for module, name, answer in (
        (db.outcomes, "record", None),
        (db.outcomes, "end_task", lambda: endings.pop(0)),
        (db.unplanned, "drop_unfinished", None),
        (db.unplanned, "store_rest", lambda: "rest"),
        (db.job_ends, "end_job", lambda: endings.pop(0)),
    ):
        monkeypatch.setattr(module, name, note(name, answer))
    return endings


def outcome(status="SUCCESS", reason="created"):
    return {"pk": 1, "status": status, "reason": reason}


SOME = [outcome(), outcome("FAILURE", "quota"), outcome(), outcome("IN_PROGRESS", "created")]
COUNTED = [
    events.ItemsEnded("R2", "SUCCESS", "created", 2),
    events.ItemsEnded("R2", "FAILURE", "quota", 1),
    events.JobProgress(JOB),
]


@pytest.mark.parametrize("answered", [True, False])
def test_outcomes_are_told_after_they_are_stored(stored, told, answered):
    completion.record(TASK, SOME, answered=answered)
    assert told == [("record", (TASK, SOME), {"answered": answered}), *COUNTED]


def test_no_outcomes_are_no_call(stored, told):
    completion.record(TASK, [])
    assert told == []
    completion.record(TASK, SOME[:1])
    assert told[0][2] == {"answered": False}


def held(claim, told):
    """Return a lease that notes when it is renewed, and when it is looked at."""
    lease = HeldLease(claim, 30, 0)
    for name in ("stop_renewing", "go_on_renewing", "raise_if_lost"):
        plain = getattr(lease, name)
        setattr(lease, name, lambda name=name, plain=plain: told.append(name) or plain())
    return lease


def test_a_task_ends_with_its_last_outcomes(stored, told, access):
    completion.end_task(access, held(TASK, told), SOME, reason="quota", message="Too many.")
    about = {"reason": "quota", "message": "Too many.", "rest": None}
    assert told == ["stop_renewing", ("end_task", (TASK, SOME), about), *COUNTED]


def test_a_task_that_nothing_is_left_of(stored, told, access):
    completion.end_task(access, held(TASK, told))
    about = {"reason": "internal_error", "message": db.outcomes.NOT_WORKED_ON, "rest": None}
    assert told == ["stop_renewing", ("end_task", (TASK, ()), about)]


def test_planning_that_is_given_up(stored, told, access):
    completion.end_task(access, held(PLAN, told), reason="quota", message="Too many.")
    about = {"reason": "quota", "message": "Too many.", "rest": "rest"}
    assert told == [
        ("drop_unfinished", (PLAN,), {}),
        ("store_rest", (PLAN, "quota", "Too many."), {}),
        "stop_renewing",
        ("end_task", (PLAN, ()), about),
    ]


def test_many_items_end_some_at_a_time_under_the_lease(stored, told, access):
    more = db.Ending(items={"R2": 3}, has_more=True)
    stored[:] = [more, more, db.Ending(items={"R2": 1})]
    completion.end_task(access, held(TASK, told), SOME[:1], reason="quota", message="No.")
    about = {"reason": "quota", "message": "No."}
    one = [
        "go_on_renewing",
        events.ItemsEnded("R2", "FAILURE", "quota", 3),
        "raise_if_lost",
        "stop_renewing",
        ("end_task", (TASK,), about),
    ]
    assert told == [
        "stop_renewing",
        ("end_task", (TASK, SOME[:1]), {**about, "rest": None}),
        events.ItemsEnded("R2", "SUCCESS", "created", 1),
        events.JobProgress(JOB),
        *one,
        *one,
        events.ItemsEnded("R2", "FAILURE", "quota", 1),
    ]


def test_a_lease_that_is_lost_meanwhile_ends_it(stored, told, access):
    stored[:] = [db.Ending(has_more=True), db.Ending()]
    lease = held(TASK, told)
    lease.note_lost()
    with pytest.raises(exception.LeaseLost):
        completion.end_task(access, lease)
    assert len(stored) == 1


def test_a_job_that_nobody_works_on(stored, told, access):
    stored[:] = [db.Ending(items={"R3": 2}), db.Ending()]
    completion.end_job(access, JOB, "quota", "Too many.")
    assert told == [
        ("end_job", (JOB, "quota", "Too many."), {}),
        events.ItemsEnded("R3", "FAILURE", "quota", 2),
    ]
    completion.end_job(access, JOB, "quota")
    assert told[2:] == [("end_job", (JOB, "quota", db.outcomes.NOT_WORKED_ON), {})]


@pytest.mark.parametrize(
    ("ending", "left_as"),
    [
        ({}, "quota"),
        # Those of a cancelled job end with another reason than its last task.
        ({"left_as": "cancelled"}, "cancelled"),
    ],
)
def test_items_end_with_their_reason(told, access, ending, left_as):
    completion.finish(access, JOB, db.Ending(items={"R2": 2}, **ending), "quota")
    ((region, status, reason, number),) = [
        (one.region, one.status, one.reason, one.number) for one in told
    ]
    assert (region, reason, number) == ("R2", left_as, 2)
    assert status == ("CANCELLED" if left_as == "cancelled" else "FAILURE")


@pytest.mark.parametrize("ending", [{}, {"state": "SUCCESS"}, {"ended_at": MOMENT}])
def test_a_job_that_goes_on_keeps_its_trust(told, access, ending):
    completion.finish(access, JOB, db.Ending(**ending))
    assert told == []


@pytest.mark.parametrize(
    ("reason", "level", "words"),
    [
        (None, logging.INFO, "Job job ended: SUCCESS"),
        ("quota", logging.WARNING, "Job job ended: quota"),
    ],
)
def test_the_end_of_a_job(told, access, caplog, reason, level, words):
    caplog.set_level(logging.DEBUG)
    ending = db.Ending(state="SUCCESS", reason=reason, ended_at=MOMENT)
    completion.finish(access, JOB, ending)
    assert told == [
        events.JobEnded(JOB, "SUCCESS", reason, MOMENT),
        ("revoke", JOB),
        ("forget", JOB),
    ]
    assert [(one.levelno, one.getMessage()) for one in caplog.records] == [(level, words)]


@pytest.mark.parametrize(
    ("state", "reason", "level", "words"),
    [
        ("OK", None, logging.INFO, "Rule rule is OK now, and was FAILING before: nothing failed"),
        ("FAILING", "quota", logging.WARNING, "is FAILING now, and was FAILING before: quota"),
    ],
)
def test_the_state_of_its_rule(told, access, caplog, state, reason, level, words):
    caplog.set_level(logging.DEBUG)
    rule = SimpleNamespace(rule_id="rule", state=state, before="FAILING", reason=reason)
    completion.finish(access, JOB, db.Ending(state="SUCCESS", ended_at=MOMENT, rule=rule))
    assert told[1] == events.RuleStateChanged(rule, MOMENT)
    assert caplog.records[-1].levelno == level
    assert words in caplog.records[-1].getMessage()
