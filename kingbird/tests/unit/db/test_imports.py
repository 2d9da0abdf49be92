"""Tasks for data: how they begin and end, and the limits of all engines."""

import threading

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.db import connection
from kingbird.db import imports as module
from kingbird.db.imports import Limits
from kingbird.db.outcomes import IMAGE_STATE
from kingbird.db.region_states import Figures
from kingbird.tests.unit.db.rows import (
    LEASE,
    PROJECT,
    accepted_job,
    expire,
    planned_job,
    row,
    store_plan,
    sync_set,
)
from kingbird.tests.unit.db.states import find, state, words

SPEC = {"data": {"size": 5}, "formats": {}, "owner": PROJECT}


def importing(resource="i1", size=5, **more):
    """Make the columns of an item whose record is in order, and whose data are to come."""
    columns = {"action": "import", "reason": "in_sync", "work": SPEC, "data_since": 0}
    return row(resource, **{**columns, "data": "pending", "bytes": size, **more})


def job_with_data(*items, trust_id="trust"):
    request = [sync_set(["*"], data="import")]
    return planned_job(*(items or [importing()]), request=request, trust_id=trust_id)


def data_claims(engine="e1"):
    """Claim all tasks for data; the tasks for records are done first."""
    found = []
    while claim := db.leases.claim_task(engine, LEASE):
        if claim.task.kind == "data":
            found.append(claim)
        else:
            db.outcomes.end_task(claim)
    return found


def data_claim(engine="e1"):
    (claim,) = data_claims(engine)
    return claim


def get(job_id):
    return db.jobs.get(PROJECT, job_id)


def items(job_id):
    query = sa.select(db.Item).where(db.Item.job_pk == get(job_id).pk)
    with connection.reader() as session:
        return {item.resource: item for item in session.scalars(query)}


def written(item, **more):
    """Make the columns of an outcome."""
    columns = {"pk": item.pk, "status": "IN_PROGRESS", "reason": "created", "work": SPEC}
    return {**columns, "data": "pending", "data_since": 0, **more}


def ended(item, **more):
    return written(item, status="SUCCESS", work=None, data="active", data_since=7, **more)


def count_tasks(job_id):
    query = sa.select(db.Task.kind, db.Task.done).where(db.Task.job_pk == get(job_id).pk)
    with db.get_engine().connect() as bind:
        return sorted((kind, bool(done)) for kind, done in bind.execute(query))


def test_the_end_of_the_records_begins_the_data(database):
    job_id = planned_job(
        row("a", data="pending", bytes=5), row("b"), request=[sync_set(["*"], data="import")]
    )
    claim = db.leases.claim_task("e1", LEASE)
    a, b = db.items.open_items(claim, 10)
    db.outcomes.record(claim, [written(a)])
    assert [item.resource for item in db.items.open_items(claim, 10)] == ["b"]
    plain = written(b, status="SUCCESS", work=None, data=None, data_since=None)
    ending = db.outcomes.end_task(claim, [plain])
    assert (ending.open_tasks, ending.state, ending.items) == (1, None, {})
    assert count_tasks(job_id) == [("data", False), ("records", True)]
    assert get(job_id).tasks_open == 1
    waiting = items(job_id)["a"]
    assert (waiting.status, waiting.reason, waiting.data) == ("IN_PROGRESS", "created", "pending")
    assert waiting.data_since > 0
    assert waiting.waits_for_data
    data = db.leases.claim_task("e1", LEASE)
    assert data.task.kind == "data"
    ending = db.outcomes.end_task(data, [ended(a, data_seconds=1.5)])
    assert ending.state == "SUCCESS"
    done = items(job_id)["a"]
    assert (done.status, done.data, done.data_seconds) == ("SUCCESS", "active", 1.5)


def test_without_data_there_is_no_such_task(database):
    job_id = planned_job()
    claim = db.leases.claim_task("e1", LEASE)
    (item,) = db.items.open_items(claim, 10)
    outcome = {"pk": item.pk, "status": "SUCCESS", "reason": "created"}
    assert db.outcomes.end_task(claim, [outcome]).state == "SUCCESS"
    assert count_tasks(job_id) == [("records", True)]


def test_records_that_are_given_up_leave_what_waits(database):
    job_id = job_with_data(importing("a"), row("b", data="pending"))
    claim = db.leases.claim_task("e1", LEASE)
    ending = db.outcomes.end_task(claim, reason="region_unavailable", message="Away")
    assert ending.items == {"R2": 1}
    found = items(job_id)
    assert (found["a"].status, found["a"].data) == ("IN_PROGRESS", "pending")
    assert (found["b"].reason, found["b"].data) == ("region_unavailable", "none")


@pytest.mark.parametrize("how", ["task", "job"])
def test_items_that_end_early_keep_their_records(database, how):
    job_id = job_with_data(importing("a"), importing("b", data="importing"))
    claim = data_claim()
    if how == "task":
        ending = db.outcomes.end_task(claim, reason="cancelled", message="Cancelled")
        assert ending.items == {"R2": 2}
    else:
        ending = db.job_ends.end_job(get(job_id), "cancelled", "Cancelled")
    assert ending.state == "CANCELLED"
    found = items(job_id)
    assert {item.target_resource for item in found.values()} == {"a", "b"}
    assert (found["a"].data, found["b"].data) == ("none", "failed")
    assert {item.status for item in found.values()} == {"CANCELLED"}


def test_a_turn_begins_with_parts_then_with_small_ones(database):
    job_with_data(
        importing("large", 9),
        importing("small", 1),
        importing("later", 1, data_due=2**60),
        importing("machine", 0, rank=1),
        importing("runs", 3, data="importing"),
    )
    turn = db.imports.begin_turn(data_claim(), 10)
    assert [item.resource for item in turn.running] == ["runs"]
    assert [item.resource for item in turn.waiting] == ["small", "large", "machine"]
    assert turn.next_due == 2**60
    assert len(turn.items) == 4
    assert turn.now > 10**12


def test_a_turn_is_about_its_own_task(database):
    job_with_data(importing("other job"))
    job_id = job_with_data(importing("a"), importing("b", region="R3"))
    claims = data_claims()
    claim = next(one for one in claims if (one.job.id, one.task.region) == (job_id, "R2"))
    assert [item.resource for item in db.imports.begin_turn(claim, 10).waiting] == ["a"]
    assert db.imports.is_any_open(claim)
    db.outcomes.record(claim, [ended(item) for item in db.imports.begin_turn(claim, 10).items])
    assert not db.imports.is_any_open(claim)


def reserve(claim, imports=4, exports=8):
    waiting = db.imports.begin_turn(claim, 100).waiting
    return [one.resource for one in db.imports.reserve(claim, waiting, Limits(imports, exports))]


def test_a_region_gets_so_many_imports_at_a_time(database):
    job_id = job_with_data(*(importing(f"i{n}", n) for n in range(6)))
    claim = data_claim()
    assert reserve(claim) == ["i0", "i1", "i2", "i3"]
    assert reserve(claim) == []
    running = db.imports.begin_turn(claim, 1).running
    db.outcomes.record(claim, [ended(item) for item in running[:1]])
    assert reserve(claim) == ["i4"]
    job_with_data(importing("other job"), importing("other region", region="R3"))
    others = {one.task.region: one for one in data_claims("e2")}
    assert reserve(others["R2"]) == []
    assert reserve(others["R3"]) == ["other region"]
    db.job_ends.end_job(get(job_id), "cancelled")
    assert reserve(others["R2"]) == ["other job"], "what has ended counts no more"


def test_a_source_gives_so_many_at_a_time(database):
    job_with_data(*(importing(f"i{n}", n, region=f"R{2 + n % 2}") for n in range(6)))
    first, second = data_claims()
    assert len(reserve(first, exports=4)) == 3
    assert len(reserve(second, exports=4)) == 1


def test_an_engine_that_sees_too_many_gives_its_own_back(database, monkeypatch):
    """Another engine has reserved some between its count and its commit."""
    job_id = job_with_data(*(importing(f"i{n}", n) for n in range(5)))
    claim = data_claim()
    monkeypatch.setattr(module, "_within", lambda items, running, limits: list(items))
    assert reserve(claim, imports=2) == ["i0", "i1"]
    assert [one.data for one in items(job_id).values()] == ["importing"] * 2 + ["pending"] * 3
    assert reserve(claim, imports=2) == []
    assert reserve(claim, imports=9, exports=3) == ["i2"]


def test_engines_that_reserve_at_once_exceed_no_limit(database):
    claims = []
    for _ in range(6):
        job_with_data(*(importing(f"i{n}", n) for n in range(3)))
        claims.append(data_claim())
    barrier = threading.Barrier(len(claims))
    kept = []

    def run(claim):
        barrier.wait()
        kept.extend(reserve(claim))

    threads = [threading.Thread(target=run, args=(claim,)) for claim in claims]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    query = sa.select(sa.func.count()).where(db.Item.data == "importing")
    with db.get_engine().connect() as bind:
        assert bind.scalar(query) == len(kept) <= 4
    # A reservation that was given back can be had.
    kept += [one for claim in claims for one in reserve(claim)]
    assert len(kept) == 4


@pytest.mark.parametrize(
    "write",
    [
        lambda claim, item: db.imports.reserve(claim, [item], Limits(4, 8)),
        lambda claim, item: db.outcomes.record(claim, [ended(item)]),
        lambda claim, item: db.outcomes.end_task(claim, [ended(item)]),
        lambda claim, item: db.leases.release(claim, delay=1),
    ],
)
def test_an_engine_that_lost_its_task_writes_nothing(database, write):
    job_id = job_with_data()
    claim = data_claim()
    (item,) = db.imports.begin_turn(claim, 1).waiting
    expire()
    assert db.leases.claim_task("e2", LEASE).task.kind == "data"
    with pytest.raises(exception.LeaseLost):
        write(claim, item)
    (found,) = items(job_id).values()
    assert (found.status, found.data) == ("IN_PROGRESS", "pending")
    assert get(job_id).tasks_open == 1


def test_turns_that_only_wait_are_no_attempts(database):
    job_with_data()
    claim = data_claim()
    for _ in range(20):
        db.leases.release(claim, delay=0)
        claim = db.leases.claim_task("e1", LEASE)
        assert claim.row.attempts == 0
    db.leases.release(claim, delay=60)
    assert db.leases.claim_task("e1", LEASE) is None, "it pauses"


def test_a_cancel_ends_the_pause(database):
    job_id = job_with_data()
    db.leases.release(data_claim(), delay=60)
    assert db.job_actions.cancel(get(job_id))
    assert db.leases.claim_task("e1", LEASE).task.kind == "data"


def test_a_cancel_during_a_turn_ends_the_pause_too(database):
    job_id = job_with_data()
    claim = data_claim()
    assert db.job_actions.cancel(get(job_id))
    db.leases.release(claim, delay=60)
    assert db.leases.claim_task("e1", LEASE).task.kind == "data"


@pytest.mark.parametrize("cancelled", [False, True])
def test_data_of_a_cancelled_job_have_their_turn_at_once(database, cancelled):
    job_id = job_with_data()
    claim = db.leases.claim_task("e1", LEASE)
    if cancelled:
        assert db.job_actions.cancel(get(job_id))
        claim.job.cancelled = True
    db.outcomes.end_task(claim)
    with db.get_engine().connect() as bind:
        turn = bind.scalar(sa.select(db.Task.turn).where(db.Task.kind == "data"))
    assert (turn == 0) == cancelled


def test_work_that_pauses_has_its_turn_when_the_pause_ends(database):
    job_with_data()
    claim = data_claim()
    before = claim.task.turn
    db.leases.release(claim, delay=60)
    with db.get_engine().connect() as bind:
        turn = bind.scalar(sa.select(db.Task.turn).where(db.Task.kind == "data"))
    assert turn >= before + 50_000


def test_data_hold_no_later_records_up(database):
    job_id = accepted_job(request=[sync_set(["*"], data="import")])
    claim = db.leases.claim_job("e1", LEASE)
    store_plan(claim, [importing("a")], cursor={"known_to": {"R9": ""}, "unsorted": []})
    data = data_claim()
    db.leases.release(data, delay=60)
    store_plan(claim, [row("b")], part=1)
    records = db.leases.claim_task("e1", LEASE)
    assert (records.task.kind, records.task.part) == ("records", 1)
    assert db.outcomes.end_task(records).open_tasks == 1
    assert items(job_id)["a"].status == "IN_PROGRESS"


def test_a_retry_plans_the_data_anew(database):
    job_id = job_with_data()
    claim = data_claim()
    (item,) = db.imports.begin_turn(claim, 1).waiting
    failed = ended(item, data_tries=4, import_task="t", data_due=5)
    db.outcomes.end_task(claim, [{**failed, "status": "FAILURE", "data": "failed"}])
    assert db.job_actions.retry(
        get(job_id), user_id="u", is_admin=False, trust_id="t", request_id=None
    )
    (found,) = items(job_id).values()
    assert (found.data, found.data_tries, found.import_task) == (None, 0, None)
    assert (found.data_since, found.data_due) == (None, None)
    again = db.leases.claim_job("e1", LEASE)
    store_plan(again, [importing()], part=1)
    assert data_claim().task.part == 1


def test_counts_by_the_state_of_data(database):
    job_id = job_with_data(
        importing("a", 2**40), importing("b", 1, data="importing"), importing("c", 3, region="R3")
    )
    assert db.jobs.numbers_of(get(job_id)).data == {
        "R2": {"pending": (1, 2**40), "importing": (1, 1)},
        "R3": {"pending": (1, 3)},
    }
    statuses, outcomes, _ = db.jobs.outcome_counts(get(job_id))
    assert (statuses, outcomes) == ({"IN_PROGRESS": 3}, {})
    assert db.jobs.numbers_of(get(planned_job())).data == {}


def test_the_numbers_follow_the_data(database):
    job_id = job_with_data(importing("a", 7), importing("b", 1))
    claim = data_claim()
    turn = db.imports.begin_turn(claim, 2)
    db.imports.reserve(claim, turn.waiting, Limits(1, 1))
    wanted = {"R2": {"pending": (1, 7), "importing": (1, 1)}}
    assert db.jobs.numbers_of(get(job_id)).data == wanted
    (running,) = db.imports.begin_turn(claim, 2).running
    db.outcomes.record(claim, [ended(running)])
    wanted = {"R2": {"pending": (1, 7), "active": (1, 1)}}
    assert db.jobs.numbers_of(get(job_id)).data == wanted
    db.outcomes.end_task(claim, reason="cancelled")
    wanted = {"R2": {"none": (1, 7), "active": (1, 1)}}
    assert db.jobs.numbers_of(get(job_id)).data == wanted


def phase(job_id):
    (found,) = db.job_details.list_details(PROJECT, with_all_projects=False)
    assert found.job.id == job_id
    return found.phase


def test_the_phase_of_a_job_that_waits_for_data(database):
    job_id = job_with_data(importing("a"), importing("b", region="R3"))
    assert phase(job_id) == "writing"
    db.outcomes.end_task(db.leases.claim_task("e1", LEASE))
    assert phase(job_id) == "writing"
    claims = data_claims()
    assert phase(job_id) == "data"
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Job).values(tasks_open=db.Job.tasks_open + 1))
    assert phase(job_id) == "writing", "there is a rest to plan"
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Job).values(tasks_open=db.Job.tasks_open - 1))
    for claim in claims:
        db.outcomes.end_task(claim)
    assert phase(job_id) == "ended"


def test_the_states_of_images_in_a_region_that_keeps_no_rows(database):
    """An image whose data are imported has a row of its own, and those that have come none."""
    find(figures=Figures(False, {"R2": 3}, {("R2", "no_data"): 3}))
    job_with_data(importing("a"), importing("b"))
    claim = data_claim()

    def look(resource, found):
        turn = db.imports.begin_turn(claim, 9)
        (item,) = [one for one in turn.items if one.resource == resource]
        row = {"pk": item.pk, "status": "IN_PROGRESS", "data_since": 0, "data": item.data}
        db.outcomes.record(claim, [{**row, IMAGE_STATE: state(resource, state=found)}])
        with db.get_engine().connect() as bind:
            left = bind.scalar(sa.select(db.RegionState.bulk_no_data))
        return left, words()

    assert look("a", "no_data") == (3, {})
    assert look("a", "importing") == (2, {("a", "R2"): "importing"})
    assert look("a", "no_data") == (2, {("a", "R2"): "no_data"})
    assert look("a", None) == (2, {})
    # Its data came before a turn saw that they do.
    assert look("b", None) == (1, {})


def test_jobs_that_wait_for_data_have_a_longer_trust(database):
    job_with_data()
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.Job).values(created_at=sa.func.now(), updated_at=None))
    assert db.stats.jobs_with_expired_trust(-5) == 1
    data_claim()
    assert db.stats.jobs_with_expired_trust(-5) == 0
