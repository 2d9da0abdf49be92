"""Let the holder of an old row or an old claim end and change nothing of a later run.

A table: each statement that ends or changes something, in each situation that its holder may not
know of.  Each statement names the lease or the run that it requires; elsewhere not a column of any
row may change.  A function of ``kingbird.db`` that writes has a row, or a reason why it has none.
"""

import ast
import contextlib
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import connection
from kingbird.tests.unit.db.rows import (
    LEASE,
    PROJECT,
    accepted_job,
    planned_job,
    row,
    store_plan,
    sync_set,
)


class Held(NamedTuple):
    """Hold a job's row as the engine ``e1`` read it, and perhaps a claim."""

    job: db.Job
    claim: Any = None


def get(job_id: str) -> db.Job:
    job = db.jobs.get(PROJECT, job_id)
    assert job is not None
    return job


def everything() -> list[Any]:
    """Return all rows, to see whether anything was changed."""
    with db.get_engine().connect() as bind:
        return [
            bind.execute(sa.select(model.__table__).order_by(model.pk)).all()
            for model in (db.Job, db.Task, db.Item)
        ]


def retry(job_id: str) -> None:
    request_id = f"req-{get(job_id).runs}"
    about: dict[str, Any] = {"user_id": "u", "is_admin": False, "request_id": request_id}
    assert db.job_actions.retry(get(job_id), trust_id=request_id, **about)


def claim_job(engine: str) -> db.Claim:
    claim = db.leases.claim_job(engine, LEASE)
    assert claim is not None
    return claim


# The start of the table.


def accepted() -> Held:
    return Held(get(accepted_job()))


def unaccepted() -> Held:
    job_id = str(uuid.uuid4())
    about: dict[str, Any] = {"user_id": "u", "is_admin": False, "request_id": None}
    request = [sync_set(["i1"])]
    return Held(db.jobs.create(job_id=job_id, project_id=PROJECT, request=request, **about))


def with_a_token() -> Held:
    """The user's token of a first run has come to the engine."""
    return Held(get(accepted_job(trust_id=None)))


def planning() -> Held:
    job_id = accepted_job()
    claim = claim_job("e1")
    return Held(get(job_id), claim)


def planning_half() -> Held:
    """A batch of the plan is stored, and the plan is not whole."""
    held = planning()
    db.plans.PlanWriter(held.claim).add([row("half")])
    return held


def planning_the_rest() -> Held:
    """A region was late: what R2 has to do was planned, R9 is left."""
    held = planning()
    left = {"known_to": {"R9": "b"}, "unsorted": []}
    store_plan(held.claim, [row()], cursor=left)
    return Held(get(held.job.id), held.claim)


def planning_again() -> Held:
    job_id = ended().job.id
    retry(job_id)
    claim = claim_job("e1")
    return Held(get(job_id), claim)


def working() -> Held:
    job_id = planned_job()
    claim = db.leases.claim_task("e1", LEASE)
    return Held(get(job_id), claim)


def ended() -> Held:
    job_id = planned_job()
    db.outcomes.end_job(get(job_id), "region_unavailable", "Away")
    return Held(get(job_id))


# Events in the meantime.


def nothing(held: Held) -> None:
    """Its holder is right."""


def taken_by(engine: str, held: Held) -> None:
    """Let the lease run out, and another one begin."""
    with db.get_engine().begin() as bind:
        for model in (db.Job, db.Task):
            bind.execute(sa.update(model).values(lease_expires=1))
    task = held.claim is not None and held.claim.task is not None
    assert (db.leases.claim_task if task else db.leases.claim_job)(engine, LEASE)


def lost(held: Held) -> None:
    taken_by("e2", held)


def lost_and_regained(held: Held) -> None:
    taken_by("e1", held)


def over(held: Held) -> None:
    db.outcomes.end_job(get(held.job.id), "internal_error", "")


def tried_again(held: Held, engine: str = "e2") -> None:
    """Let another end the run, and its user have it tried again: it is being worked on."""
    over(held)
    retry(held.job.id)
    claim = claim_job(engine)
    pairs = db.job_actions.unplanned_items(claim)
    rows = [row(*pair) for pair in pairs if pair[1] != "R9"]
    assert store_plan(claim, rows, part=claim.job.plan_parts - 1)
    assert db.leases.claim_task(engine, LEASE)


def tried_again_here(held: Held) -> None:
    tried_again(held, "e1")


def replaced(held: Held) -> None:
    """Let its user delete the job and make another one, which has its key on SQLite."""
    over(held)
    assert db.jobs.delete(PROJECT, held.job.id)
    new = get(planned_job(targets=("R2", "R9")))
    assert new.pk == held.job.pk or db.get_engine().dialect.name != "sqlite"


def accepted_since(held: Held) -> None:
    assert db.jobs.accept(held.job.id, trust_id="t")


def over_since(held: Held) -> None:
    accepted_since(held)
    over(held)


def discarded(held: Held) -> None:
    assert db.jobs.discard(held.job.id)


def adopted_by_another(held: Held) -> None:
    db.leases.adopt("e2", {held.job.id: None})


def replaced_and_taken(held: Held) -> None:
    """Let this engine work on the other job's task, which has the key of the old one."""
    replaced(held)
    assert db.leases.claim_task("e1", LEASE)


#: In which the run is still the one that its holder thinks of.
SAME_RUN = (nothing, lost, lost_and_regained)
ALL = (*SAME_RUN, over, tried_again, tried_again_here, replaced, replaced_and_taken)
#: In which a job's row is another run's or another job's.
OF_ENDED_JOBS = (tried_again, tried_again_here, replaced)
#: Nobody has a lease on a job that has ended.
OF_ENDED = (nothing, *OF_ENDED_JOBS)


def outcomes_of(claim: db.Claim) -> list[dict[str, Any]]:
    with db.get_engine().connect() as bind:
        pks = bind.scalars(sa.select(db.Item.pk).where(db.Item.job_pk == claim.job.pk)).all()
    return [{"pk": pk, "status": "SUCCESS", "reason": "created"} for pk in pks]


Begin = Callable[[], Held]
Act = Callable[[Held], object]
Situations = Sequence[Callable[[Held], None]]

#: Each with what it begins with, and all situations, and those in which it does its part.
TABLE: dict[str, tuple[Begin, Act, Situations, Situations]] = {
    "end a job": (working, lambda held: db.outcomes.end_job(held.job), ALL, SAME_RUN),
    "end an unplanned job": (
        planning,
        lambda held: db.outcomes.end_job(held.job, "quota", ""),
        ALL,
        [nothing],
    ),
    "end a job with a rest": (
        planning_the_rest,
        lambda held: db.outcomes.end_job(held.job, "quota", ""),
        ALL,
        [nothing],
    ),
    "end a job that is retried": (
        planning_again,
        lambda held: db.outcomes.end_job(held.job, "quota", ""),
        ALL,
        [nothing],
    ),
    "end planning": (
        planning,
        lambda held: db.outcomes.end_task(held.claim),
        ALL,
        [nothing],
    ),
    "end planning the rest": (
        planning_the_rest,
        lambda held: db.outcomes.end_task(held.claim),
        ALL,
        [nothing],
    ),
    "end planning a retry": (
        planning_again,
        lambda held: db.outcomes.end_task(held.claim),
        ALL,
        [nothing],
    ),
    "forget a trust": (
        working,
        lambda held: db.outcomes.clear_trust(held.job),
        ALL,
        (*SAME_RUN, over),
    ),
    "cancel": (working, lambda held: db.job_actions.cancel(held.job), ALL, SAME_RUN),
    "retry": (
        ended,
        lambda held: db.job_actions.retry(
            held.job, user_id="u", is_admin=False, trust_id="t", request_id="req-x"
        ),
        OF_ENDED,
        [nothing],
    ),
    "accept": (
        unaccepted,
        lambda held: db.jobs.accept(held.job.id, trust_id="another"),
        (nothing, accepted_since, over_since, discarded),
        [nothing],
    ),
    "adopt a job": (
        with_a_token,
        lambda held: db.leases.adopt("e1", {held.job.id: None}),
        (nothing, adopted_by_another, *OF_ENDED_JOBS),
        [nothing],
    ),
    "name the regions": (
        planning,
        lambda held: db.plans.set_request(held.claim, [sync_set(["i1"], targets=["R9"])]),
        ALL,
        [nothing],
    ),
    "begin a part": (
        planning_half,
        lambda held: db.plans.PlanWriter(held.claim).__enter__(),
        ALL,
        [nothing],
    ),
    "take a job back": (
        accepted,
        lambda held: db.jobs.discard(held.job.id),
        ALL,
        [nothing],
    ),
    "discard what was not accepted": (
        accepted,
        lambda held: db.maintenance.discard_unaccepted(-1),
        ALL,
        [],
    ),
    "delete an ended job": (
        ended,
        lambda held: db.jobs.delete(PROJECT, held.job.id),
        OF_ENDED,
        [nothing],
    ),
    "renew a job's lease": (
        planning,
        lambda held: db.leases.renew(held.claim, 99),
        ALL,
        [nothing],
    ),
    "release a job": (planning, lambda held: db.leases.release(held.claim), ALL, [nothing]),
    "plan": (
        planning,
        lambda held: store_plan(held.claim, [row("new")]),
        ALL,
        [nothing],
    ),
    "store a batch": (
        planning,
        lambda held: db.plans.PlanWriter(held.claim).add([row("new")]),
        ALL,
        [nothing],
    ),
    "finish a part": (
        planning,
        lambda held: db.plans.PlanWriter(held.claim).finish({}),
        ALL,
        [nothing],
    ),
    "plan the rest": (
        planning_the_rest,
        lambda held: store_plan(held.claim, [row("new", "R9")], part=1),
        ALL,
        [nothing],
    ),
    "plan again": (
        planning_again,
        lambda held: db.plans.PlanWriter(held.claim, 1).add([row("new")]),
        ALL,
        [nothing],
    ),
    "finish planning again": (
        planning_again,
        lambda held: db.plans.PlanWriter(held.claim, 1).finish({}),
        ALL,
        [nothing],
    ),
    "renew a task's lease": (
        working,
        lambda held: db.leases.renew(held.claim, 99),
        ALL,
        [nothing],
    ),
    "release a task": (working, lambda held: db.leases.release(held.claim), ALL, [nothing]),
    "record outcomes": (
        working,
        lambda held: db.outcomes.record(held.claim, outcomes_of(held.claim)),
        ALL,
        [nothing],
    ),
    "end a task": (working, lambda held: db.outcomes.end_task(held.claim), ALL, [nothing]),
}


@pytest.mark.parametrize(
    ("begin", "act", "situation", "acts"),
    [
        pytest.param(
            begin, act, situation, situation in allowed, id=f"{name}-{situation.__name__}"
        )
        for name, (begin, act, situations, allowed) in TABLE.items()
        for situation in situations
    ],
)
def test_what_is_over_for_its_holder_is_left_alone(
    database: Any, begin: Begin, act: Act, situation: Callable[[Held], None], acts: bool
) -> None:
    held = begin()
    situation(held)
    before = everything()
    try:
        act(held)
    except exception.LeaseLost:
        assert not acts
    assert (everything() != before) == acts


def free_task() -> Held:
    """Two engines have read a task that nobody holds."""
    job_id = planned_job()
    with db.get_engine().connect() as bind:
        task = bind.execute(sa.select(db.Task)).one()
    return Held(get(job_id), db.Task(**task._mapping))


def taken(held: Held) -> None:
    taken_by("e2", Held(held.job, db.Claim(held.job, held.claim, "", 0)))


@pytest.mark.parametrize("begin", [accepted, free_task])
@pytest.mark.parametrize("situation", [taken, over, tried_again, tried_again_here, replaced])
def test_who_read_a_row_before_it_changed_does_not_claim_it(
    database: Any, begin: Callable[[], Held], situation: Callable[[Held], None]
) -> None:
    held = begin()
    situation(held)
    before = everything()
    with connection.writer() as session:
        assert not db.leases._compare_and_swap(session, held.claim or held.job, "e1", LEASE)
    assert everything() == before


@pytest.mark.parametrize("begin", [planning, planning_the_rest, planning_again])
def test_a_job_that_was_planned_since_it_was_read_is_not_ended(
    database: Any, begin: Callable[[], Held]
) -> None:
    held = begin()
    part = held.job.plan_parts - (begin is planning_again)
    assert store_plan(held.claim, [row("new", "R9")], part=part)
    before = everything()
    assert db.outcomes.end_job(held.job, "quota", "").state is None
    assert everything() == before


#: Functions that write and have no row, and why.
WITHOUT_ROW = {
    "jobs.create": "makes a row of its own",
    "rules.create": "makes rows of its own",
    "rules.update": "names the revision that was read; test_rules.py changes it in between",
    "rules.delete": "ends a rule for good, whoever has changed it since",
    "rule_runs.begin_due_run": "names the full run before it; see test_rules.py",
    "rule_runs.begin_requested_run": "names the full run before it; see test_rules.py",
    "rule_runs.begin_event_run": "names the number of event runs before it; see test_marks.py",
    "rule_runs.full_run_due": "names the revision of the rule that it read; see test_marks.py",
    "marks.add": "inserts what is not there, or else moves the time of what a job has taken",
    "marks.clear": "deletes what no job has taken, whoever marked it",
    "marks.replace_many": "moves the time of the next run, whatever it was",
    "marks._delete_some": "deletes what no job has taken, whoever marked it",
    "listeners.beat": "writes the row of its own listener",
    "listeners.deregister": "deletes the row of its own listener",
    "rule_runs.purge_jobs": "deletes jobs that have ended, in the transaction that reads them",
    "leases.claim_job": "reads the row that it claims; see the test of what was read before",
    "leases.claim_task": "reads the row that it claims; see the test of what was read before",
    "maintenance.purge": "reads what it deletes; test_purge.py lets rows change in between",
    "engines.heartbeat": "writes the row of its own engine",
    "engines.deregister": "deletes the row of its own engine",
    "tombstones._replace": "an id is known or not, whoever writes it",
    "tombstones.purge": "deletes what has expired, whoever wrote it",
}


def functions_that_write() -> set[str]:
    """Return the functions and methods of the package that open a transaction to write."""
    found = set()
    for path in Path(db.__file__).parent.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            scopes = [(node.name, node)] if isinstance(node, ast.FunctionDef) else []
            if isinstance(node, ast.ClassDef):
                methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
                scopes = [(f"{node.name}.{method.name}", method) for method in methods]
            found |= {
                f"{path.stem}.{name}"
                for name, scope in scopes
                for one in ast.walk(scope)
                if isinstance(one, ast.Attribute) and one.attr == "writer"
            }
    return found - {"connection.writer", "connection.get_engine"}


def test_each_function_that_writes_has_a_row(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: set[str] = set()
    real = connection.writer

    def writer() -> Any:
        code = sys._getframe(1).f_code
        reached.add(f"{Path(code.co_filename).stem}.{code.co_qualname.partition('.<locals>')[0]}")
        return real()

    for begin, act, _, _ in TABLE.values():
        held = begin()
        with monkeypatch.context() as patch, contextlib.suppress(exception.LeaseLost):
            patch.setattr(connection, "writer", writer)
            act(held)
        with db.get_engine().begin() as bind:
            bind.execute(sa.delete(db.Job))
    assert len(reached) > 10
    assert reached & set(WITHOUT_ROW) == set()
    assert functions_that_write() == reached | set(WITHOUT_ROW)
