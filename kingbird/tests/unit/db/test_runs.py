"""Let the holder of an old row or an old claim end and change nothing of a later run.

A table: each statement that ends or changes something, in each situation that its holder may not
know of.  Each statement names the lease or the run that it requires; elsewhere not a column of any
row may change.  A function of ``kingbird.db`` that writes has a row, or a reason why it has none.
"""

import ast
import contextlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import connection
from kingbird.tests.unit.db.rows import (
    LEASE,
    PROJECT,
    planned_job,
    renew,
    row,
    store_plan,
    sync_set,
)
from kingbird.tests.unit.db.situations import (
    ALL,
    OF_ENDED,
    OF_ENDED_JOBS,
    SAME_RUN,
    Held,
    accepted,
    accepted_since,
    adopted_by_another,
    discarded,
    ended,
    everything,
    get,
    nothing,
    over,
    over_since,
    planning,
    planning_again,
    planning_half,
    planning_the_rest,
    replaced,
    taken_by,
    tried_again,
    tried_again_here,
    unaccepted,
    waiting_for_data,
    with_a_token,
    working,
)


def outcomes_of(claim: db.Claim) -> list[dict[str, Any]]:
    with db.get_engine().connect() as bind:
        pks = bind.scalars(sa.select(db.Item.pk).where(db.Item.job_pk == claim.job.pk)).all()
    return [{"pk": pk, "status": "SUCCESS", "reason": "created"} for pk in pks]


Begin = Callable[[], Held]
Act = Callable[[Held], object]
Situations = Sequence[Callable[[Held], None]]

#: Each with what it begins with, and all situations, and those in which it does its part.
TABLE: dict[str, tuple[Begin, Act, Situations, Situations]] = {
    "end a job": (working, lambda held: db.job_ends.end_job(held.job), ALL, SAME_RUN),
    "end an unplanned job": (
        planning,
        lambda held: db.job_ends.end_job(held.job, "quota", ""),
        ALL,
        [nothing],
    ),
    "end a job with a rest": (
        planning_the_rest,
        lambda held: db.job_ends.end_job(held.job, "quota", ""),
        ALL,
        [nothing],
    ),
    "end a job that is retried": (
        planning_again,
        lambda held: db.job_ends.end_job(held.job, "quota", ""),
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
        lambda held: db.job_ends.clear_trust(held.job),
        ALL,
        (*SAME_RUN, over),
    ),
    "cancel": (working, lambda held: db.job_actions.cancel(held.job), ALL, SAME_RUN),
    "cancel a part": (
        working,
        lambda held: db.job_actions.cancel_part(held.job, db.job_actions.Part(["R2"])),
        ALL,
        SAME_RUN,
    ),
    "note what was listed": (
        planning,
        lambda held: db.plans.note_listed(held.claim, {"R1": 1}),
        ALL,
        [nothing],
    ),
    "let rows of a retry follow": (
        planning_again,
        lambda held: db.settling.settle_claimed(held.claim),
        ALL,
        [nothing],
    ),
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
        lambda held: renew(held.claim, 99),
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
        lambda held: renew(held.claim, 99),
        ALL,
        [nothing],
    ),
    "release a task": (working, lambda held: db.leases.release(held.claim), ALL, [nothing]),
    "pause a plan": (
        planning_the_rest,
        lambda held: db.pauses.pause_plan(held.claim, ["R9"], 5, 60),
        ALL,
        [nothing],
    ),
    "pause a task": (working, lambda held: db.pauses.pause(held.claim, 5, 60), ALL, [nothing]),
    "record outcomes": (
        working,
        lambda held: db.outcomes.record(held.claim, outcomes_of(held.claim)),
        ALL,
        [nothing],
    ),
    "reserve imports": (
        waiting_for_data,
        lambda held: db.imports.reserve(
            held.claim, db.imports.begin_turn(held.claim, 9).waiting, db.imports.Limits(4, 8)
        ),
        ALL,
        [nothing],
    ),
    "end a task for data": (
        waiting_for_data,
        lambda held: db.outcomes.end_task(held.claim),
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
    assert db.job_ends.end_job(held.job, "quota", "").state is None
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
    "rule_ends._purge_jobs": "deletes jobs that have ended, in the transaction that reads them",
    "leases._claim_one_of": "reads the row that it claims; see the test of what was read before",
    "settling.settle": "locks the row of the job that it reads, and skips one that is locked",
    "maintenance._purge": "reads what it deletes; test_purge.py lets rows change in between",
    "duties.hold": "names the engine that holds the duty, or the time at which none does",
    "engines.heartbeat": "writes the row of its own engine",
    "engines.deregister": "deletes the row of its own engine",
    "fresh_states.purge": "deletes what is older than all comparisons, whoever wrote it",
    "retried_items.end_most_left_out": "names the claim of the planner; see test_retried_items.py",
    "stale_states.clear": "names the claim on the job that is planned; see test_stale_states.py",
    "image_states.purge": "deletes what nobody has compared for long; the next to do so adds it",
    "metadef_states.purge": "deletes what nobody has compared for long; the next to do so adds it",
    "tombstones._replace": "an id is known or not, whoever writes it",
    "tombstones._purge": "deletes what has expired, whoever wrote it",
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
