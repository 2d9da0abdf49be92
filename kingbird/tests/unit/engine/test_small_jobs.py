"""A small job is planned and worked on by the engine that claimed it: statements are counted."""

import threading
from collections import Counter

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.db import api as db
from kingbird.engine import planner, worker
from kingbird.engine.resource_types.images import Images
from kingbird.sync.item import Item
from kingbird.tests.unit.engine.jobs import active


@pytest.fixture
def counted(database, monkeypatch):
    """Give the numbers of writing transactions and of their statements about jobs."""
    # On a busy machine a batch would be written before it is full.
    monkeypatch.setattr(worker, "FLUSH_SECONDS", 3600)
    counts = Counter()
    tables = {"tasks", "items", "jobs", "image_states"}

    def note(conn, cursor, statement, parameters, context, executemany):
        words = statement.replace('"', " ").split()
        # Leases are renewed as time goes by, whatever work there is.
        is_renewal = "lease_expires=CASE" in statement
        if words[0] == "SELECT" or is_renewal or not tables & set(words):
            return
        counts["statements"] += 1
        conn.info["wrote"] = True

    def commit(conn):
        if conn.info.pop("wrote", False):
            counts["transactions"] += 1

    engine = db.get_engine()
    sa.event.listen(engine, "before_cursor_execute", note)
    sa.event.listen(engine, "commit", commit)
    yield counts
    sa.event.remove(engine, "before_cursor_execute", note)
    sa.event.remove(engine, "commit", commit)


@pytest.fixture
def claimed(monkeypatch):
    """Give the regions of the tasks that an engine has looked for and claimed."""
    regions = []
    plain = db.leases.claim_task

    def claim_task(*args, **options):
        claim = plain(*args, **options)
        if claim is not None:
            regions.append(claim.region_task.region)
        return claim

    monkeypatch.setattr(db.leases, "claim_task", claim_task)
    return regions


def _rows(*regions):
    items = [Item("a", "R1", region, action="create") for region in regions]
    return [Images().to_row(item) for item in items]


def test_one_transaction_for_a_plan_and_one_for_each_region(scene, counted, claimed):
    job_id = scene.job(active(scene), targets=("R2", "R3"))
    counted.clear()
    scene.engine()
    assert scene.tidied(job_id) == "SUCCESS"
    # The claim, the plan with its items and tasks, the end of each task, and the trust.
    assert counted["transactions"] == 5
    # The second end closes the job.  What is missing, and then has no data, costs one of each.
    assert counted["statements"] == 1 + (6 + 1) + (4 + 1) + (5 + 1) + 1
    assert claimed == []


def test_a_large_job_is_shared_by_all_engines(scene, claimed, monkeypatch):
    monkeypatch.setattr(planner, "SMALL_JOB", 3)
    job_id = scene.job(active(scene), active(scene), targets=("R2", "R3"))
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    assert sorted(claimed) == ["R2", "R3"]


def test_tasks_without_a_thread_are_left_to_others(scene, claimed):
    """They are free at once: nobody waits for a lease to run out."""
    scene.conf.set_override("max_tasks", 1, group="engine")
    scene.conf.set_override("lease", 3600, group="engine")
    job_id = scene.job(active(scene), targets=("R2", "R3"))
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    assert len(claimed) == 1
    assert claimed[0] in ("R2", "R3")


def test_a_plan_that_was_stored_and_not_worked_on_loses_no_task(scene):
    """The tasks have leases like any others."""
    scene.job("a", targets=("R2", "R3"))
    claim = db.leases.claim_job("dead", 60)
    assert claim is not None
    with db.plans.PlanWriter(claim) as plan:
        plan.hold(_rows("R2", "R3"))
        plan.finish({}, take=db.plans.Take(-1, 100, lambda: ["R3"]))
    assert [one.region_task.region for one in plan.claims] == ["R2"]
    claims = [db.leases.claim_task("alive", 60) for _ in range(2)]
    assert {one.region_task.region for one in claims if one} == {"R2", "R3"}
    with pytest.raises(exception.LeaseLost):
        db.outcomes.end_task(plan.claims[0])


def test_a_commit_whose_answer_was_lost_finds_its_claims(scene):
    scene.job("a", targets=("R2", "R3"))
    claim = db.leases.claim_job("engine", 60)
    assert claim is not None
    rows = _rows("R2", "R3")
    with db.plans.PlanWriter(claim) as plan:
        plan.hold(rows)
        for _ in range(2):
            ending = plan.finish({}, take=db.plans.Take(60, 100))
            assert ending.open_tasks == 2
            found = sorted((one.region_task.region, one.row.attempts) for one in plan.claims)
            assert found == [("R2", 0), ("R3", 0)]
    assert db.leases.claim_task("another", 60) is None


class _Waits:
    """Counts what the database is asked from a request's job on, until its record is made.

    The looks of other threads, and of the test at the job, keep nobody waiting.  Whether a job is
    cancelled is asked by the clock, and not for each piece of work.
    """

    def __init__(self, engines):
        self.commits = self.statements = 0
        self.is_over = False
        self._engines = engines
        self._claim = 0

    @property
    def _counts(self):
        """True if nobody goes on before this thread does: the request, then the engine's."""
        name = threading.current_thread().name
        return not (self.is_over or name.startswith("kingbird-")) and (
            name != "MainThread" or not self._engines
        )

    @property
    def _claims(self):
        return not self.is_over and threading.current_thread().name == "kingbird-dispatch"

    def statement(self, conn, cursor, statement, parameters, context, executemany):
        if not statement.startswith(("BEGIN", "SELECT jobs.cancelled")):
            self.statements += self._counts
            self._claim += self._claims

    def commit(self, conn):
        self.commits += self._counts or self._claims
        if self._claims:
            self.statements += self._claim
            self._claim = 0

    def rollback(self, conn):
        if self._claims:
            # It has looked for work before.
            self._claim = 0


def test_commits_and_statements_from_a_request_to_its_only_record(scene, database):
    """Each is a wait for the database, and so for the image's user.

    What the API reads to check a request is not among them.
    """
    waits = _Waits(scene.engines)
    events = {
        "before_cursor_execute": waits.statement,
        "commit": waits.commit,
        "rollback": waits.rollback,
    }
    image = active(scene)
    scene.glances["R2"].fail("create", lambda detail: setattr(waits, "is_over", True), times=1)
    for name, listener in events.items():
        sa.event.listen(db.get_engine(), name, listener)
    try:
        job_id = scene.job(image, targets=("R2",))
        scene.engine()
        assert scene.tidied(job_id) == "SUCCESS"
    finally:
        for name, listener in events.items():
            sa.event.remove(db.get_engine(), name, listener)
    # The job and its acceptance, the claim, and the plan with its item, state and claimed task.
    assert waits.commits == 2 + 1 + 1
    # Tombstones are read before the plan is stored, and the item is read after it.
    assert waits.statements == 4 + 3 + 1 + 16 + 1
