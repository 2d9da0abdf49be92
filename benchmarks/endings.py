"""Time of the ends of large jobs: cancelled, retried and deleted, while leases are renewed."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from benchmarks import own_database
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.db import api as db
from kingbird.db.models import Item, Job
from kingbird.tests.functional import services
from kingbird.tests.unit.db import rows

#: Items of a job, its regions, and items that are made before they are copied.
ITEMS, REGIONS, SEED = 1_000_000, 10, 1_000
LEASE = 60.0
#: Seconds between two renewals of another job's lease, which are at most ``LEASE / 3`` in use.
RENEWAL = 0.25
#: Seconds that an answer, an end and a renewal may take.
ANSWER, END, WAIT = 0.1, 60.0, 5.0
RETRIER: dict[str, Any] = {
    "user_id": "u" * 32,
    "is_admin": False,
    "trust_id": "t",
    "request_id": "r",
}
CANCELLED: dict[str, Any] = {"reason": "cancelled", "message": db.job_ends.CANCELLED}
#: Functions that make a UUID, by the name of the dialect.
_UUID = {
    "mysql": "UUID()",
    "postgresql": "gen_random_uuid()::text",
}


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Fill a database with one large job, and end it in each way."""
    for database in ("MariaDB", "PostgreSQL") if world.is_complete else ():
        if not services.missing(database):
            yield from _measure(database, 20_000 if quick else ITEMS)


def _measure(database: str, items: int) -> Iterator[Row]:
    with (
        services.database(database) as url,
        own_database.configured(url),
        _leases() as renewals,
    ):
        yield from _rows(database, items, _fill(items), renewals)


def _rows(database: str, items: int, job_id: str, renewals: "_Renewals") -> Iterator[Row]:
    what = f"{database}, a job of {items:,} items"
    answer = _seconds(lambda: db.job_actions.cancel(_get(job_id)))
    yield Row(f"{what}: answer to cancel", 1000 * answer, 1000 * ANSWER, "", unit="ms")
    end = _seconds(_end_tasks)
    status = _get(job_id).status
    follow = _seconds(_settle)
    yield Row(f"{what}: end", end, END, f"{status}; rows followed in {follow:.1f} s", unit="s")
    retry = _seconds(lambda: db.job_actions.retry(_get(job_id), **RETRIER))
    claim = db.leases.claim_job("engine", LEASE)
    assert claim is not None
    follow = _seconds(lambda: _reopen(claim))
    yield Row(
        f"{what}: answer to retry",
        1000 * retry,
        1000 * ANSWER,
        f"rows followed in {follow:.1f} s",
        unit="ms",
    )
    db.outcomes.end_task(claim, **CANCELLED)
    _settle()
    delete = _seconds(lambda: db.jobs.delete(rows.PROJECT, job_id))
    follow = _seconds(_settle)
    yield Row(
        f"{what}: answer to delete",
        1000 * delete,
        1000 * ANSWER,
        f"rows were deleted in {follow:.1f} s",
        unit="ms",
    )
    yield Row(
        f"{what}: longest renewal of another job's lease",
        1000 * renewals.longest,
        1000 * WAIT,
        f"{renewals.number} renewals, {renewals.lost} lost",
        unit="ms",
    )


def _get(job_id: str) -> db.Job:
    job = db.jobs.get(rows.PROJECT, job_id)
    assert job is not None
    return job


def _seconds(function: Callable[[], object]) -> float:
    begun = time.monotonic()
    function()
    return time.monotonic() - begun


def _end_tasks() -> None:
    """End all tasks as an engine does that finds their job cancelled."""
    while claim := db.leases.claim_task("engine", LEASE):
        while db.outcomes.end_task(claim, **CANCELLED).has_more:
            pass


def _settle() -> None:
    while pks := db.settling.unsettled():
        db.settling.settle_all(pks)


def _reopen(claim: db.Claim) -> None:
    while db.settling.settle_claimed(claim):
        pass


def _fill(items: int) -> str:
    """Store a planned job, whose first items the database copies."""
    regions = [f"T{number}" for number in range(REGIONS)]
    seed = [rows.row(f"i{n}", regions[n % REGIONS]) for n in range(SEED)]
    job_id = rows.planned_job(*seed, targets=regions)
    pk = _get(job_id).pk
    engine = db.get_engine()
    names = [column.name for column in Item.__table__.columns if column.name != "pk"]
    quote = engine.dialect.identifier_preparer.quote
    unique = _UUID[engine.dialect.name]
    copied = ", ".join(unique if name in ("id", "resource") else quote(name) for name in names)
    into = ", ".join(map(quote, names))
    stored = SEED
    while stored < items:
        number = min(stored, items - stored, 50_000)
        with engine.begin() as connection:
            connection.execute(
                sa.text(
                    f"INSERT INTO items ({into}) "
                    f"SELECT {copied} FROM items WHERE job_pk = {pk} ORDER BY pk LIMIT {number}"
                )
            )
        stored += number
    numbers = [[region, "IN_PROGRESS", None, items // REGIONS] for region in regions]
    with engine.begin() as connection:
        connection.execute(sa.update(Job).where(Job.pk == pk).values(counts=numbers))
    return job_id


@dataclass
class _Renewals:
    number: int = 0
    lost: int = 0
    longest: float = 0.0


@contextlib.contextmanager
def _leases() -> Iterator[_Renewals]:
    """Renew the lease of another job during the block, as its engine does."""
    rows.planned_job()
    claim = db.leases.claim_task("other", 3600)
    assert claim is not None
    done, over = _Renewals(), threading.Event()

    def renew() -> None:
        while not over.wait(RENEWAL):
            begun = time.monotonic()
            done.lost += len(db.leases.renew([claim], 3600).lost)
            done.number += 1
            done.longest = max(done.longest, time.monotonic() - begun)

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join()
