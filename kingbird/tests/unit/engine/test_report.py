"""Describe an engine in the report of a process that may hang."""

import threading
import time

from kingbird.db import api as db
from kingbird.engine.circuit_breaker import CircuitBreakers
from kingbird.engine.leases import LeaseKeeper
from kingbird.tests.unit.db.rows import LEASE, accepted_job, planned_job, row
from kingbird.tests.waiting import PATIENCE


def test_what_is_worked_on(database):
    leases = LeaseKeeper(LEASE)
    planned = planned_job(row(region="R2"))
    task = db.leases.claim_task("e1", LEASE)
    waiting = accepted_job()
    job = db.leases.claim_job("e1", LEASE)
    now = time.monotonic()
    assert leases.describe() == []
    with leases.hold(task, now), leases.hold(job, now):
        lines = leases.describe()
    assert leases.describe() == []
    assert [line.partition(", ")[0] for line in lines] == sorted(
        [f"{planned} R2", f"{waiting} planning"]
    )
    assert all("may write for " in line for line in lines)


def test_regions_that_are_left_alone():
    breakers = CircuitBreakers(lambda: 1, lambda: 60)
    for region, failed in (("R1", True), ("R2", False)):
        with breakers.guard(region) as attempt:
            attempt.failed = failed
    # The report does not wait for the lock.
    with breakers._changed:
        asked = []
        thread = threading.Thread(target=lambda: asked.append(breakers.open_regions()))
        thread.start()
        thread.join(PATIENCE)
    assert asked == [["R1"]]
