"""Measure pages and polls: state, details of jobs, and a job of many items."""

import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
import urllib3

from benchmarks.load import add_jobs
from benchmarks.own_database import insert_job
from benchmarks.rounds import median
from benchmarks.scene import SOURCE
from benchmarks.service import Service
from benchmarks.table import Row
from benchmarks.work import cpu
from benchmarks.world import World
from kingbird.batching import batched
from kingbird.db.models import Item, Job
from kingbird.db.state_models import ImageState, RegionState
from kingbird.tests.functional.people import Person
from kingbird.tests.unit.db.rows import sync_set

TARGET = "RegionTwo"
DATABASES = ("MariaDB", "PostgreSQL")
#: Rows of a table, entries of a page that is looked at, and of one that a program reads.
MANY, PAGE, WHOLE = 100_000, 50, 1000
#: The number of rows in one INSERT.
BATCH = 5_000
#: Milliseconds for a page, seconds for all pages of a job, milliseconds of processor time.
AT_MOST, ALL_AT_MOST, CPU_AT_MOST = 100, 10, 5
POLLS = 100


class Reader:
    """A caller of the API with one connection."""

    def __init__(self, kingbird: Service, person: Person) -> None:
        self._base = f"{kingbird.deployment.url}/v1.0/{person.project_id}"
        self._headers = {"X-Auth-Token": person.token}
        self._pool = urllib3.PoolManager()

    def get(self, path: str, expected: int = 200, **headers: str) -> Any:
        """Return the answer to a GET.

        :raises RuntimeError: it has another status.
        """
        answer = self._pool.request(
            "GET", f"{self._base}/{path}", headers={**self._headers, **headers}
        )
        if answer.status != expected:
            raise RuntimeError(f"{path} was answered with {answer.status}: {answer.data!r}")
        return answer

    def walk(self, path: str) -> int:
        """Read all pages of a list, and return the number of entries."""
        count, marker = 0, ""
        while True:
            found = self.get(f"{path}?limit={WHOLE}{marker}").json()
            count += len(found["job_set"])
            if not found["links"]:
                return count
            marker = f"&marker={found['job_set'][-1]['id']}"


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def add_states(url: str, person: Person, count: int) -> None:
    """Insert states of images of a project into a database, with bulk SQL."""
    now = _now()
    rows = (
        {
            "image_id": str(uuid.uuid4()),
            "region": TARGET,
            "project_id": person.project_id,
            "name": f"image {number}",
            "source_region": SOURCE,
            "state": ("missing", "drift", "no_data", "conflict")[number % 4],
            "reason": "drift",
            "message": f"Differs from the image in {SOURCE} in: name",
            "differences": {"name": {"source": "a", "target": "b"}},
            "image_status": "active",
            "job_id": str(uuid.uuid4()),
            "since": now - timedelta(seconds=number % 86400),
            "compared_at": now,
        }
        for number in range(count)
    )
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        region = {"project_id": person.project_id, "region": TARGET, "images": count}
        connection.execute(sa.insert(RegionState), [region])
    for batch in batched(rows, BATCH):
        with engine.begin() as connection:
            connection.execute(sa.insert(ImageState), batch)
    engine.dispose()


def add_long_job(url: str, person: Person, count: int) -> str:
    """Insert a job in progress with its items, as an engine stores it, and return its id."""
    now = _now()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        job_id = insert_job(
            connection,
            person,
            [sync_set(["*"], [SOURCE], [TARGET])],
            planned_at=now,
            plan_parts=1,
            tasks_open=1,
            counts=[[TARGET, "SUCCESS", "created", count]],
        )
        key = connection.scalar(sa.select(Job.pk).where(Job.id == job_id))
    rows = (
        {
            "id": str(uuid.uuid4()),
            "job_pk": key,
            "plan_generation": 1,
            "resource_type": "image",
            "resource": str(uuid.uuid4()),
            "resource_name": f"image {number}",
            "source_region": SOURCE,
            "target_region": TARGET,
            "target_resource": str(uuid.uuid4()),
            "action": "create",
            "status": "SUCCESS",
            "reason": "created",
            "created_at": now,
            "updated_at": now,
        }
        for number in range(count)
    )
    for batch in batched(rows, BATCH):
        with engine.begin() as connection:
            connection.execute(sa.insert(Item), batch)
    # The planner of the database learns of the rows by itself only after a while.
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        is_mariadb = engine.dialect.name in ("mysql", "mariadb")
        connection.execute(
            sa.text("ANALYZE TABLE items, jobs, image_states" if is_mariadb else "ANALYZE")
        )
    engine.dispose()
    return job_id


def _milliseconds(call: Callable[[], object], rounds: int) -> list[float]:
    taken = []
    for _ in range(rounds):
        begin = time.monotonic()
        call()
        taken.append(1000 * (time.monotonic() - begin))
    return taken


def _pages(reader: Reader, database: str, many: int, rounds: int, job_id: str) -> Iterator[Row]:
    pages = {
        f"a page of {PAGE} of the state, {many} rows": f"os-sync-state?limit={PAGE}",
        f"such a page of one region, by name, {many} rows": f"os-sync-state?limit={PAGE}&sort=name"
        f"&region={TARGET}&state=drift",
        f"a page of {PAGE} of the details, {many} jobs": f"os-sync/detail?limit={PAGE}",
        f"the first page of {WHOLE} of a job of {many} items": f"os-sync/{job_id}?limit={WHOLE}",
    }
    for what, path in pages.items():
        taken = _milliseconds(lambda path=path: reader.get(path), rounds)  # type: ignore[misc]
        yield Row(
            f"{database}: {what}",
            median(taken),
            AT_MOST,
            f"{min(taken):.0f} to {max(taken):.0f} ms",
            unit="ms",
        )


def _polls(kingbird: Service, reader: Reader, database: str, job_id: str) -> Iterator[Row]:
    api = kingbird.deployment.api
    if api is None:
        raise RuntimeError("The API does not run")
    changed = (_now() - timedelta(seconds=1)).isoformat()
    for what, path in {
        "a job": f"os-sync/{job_id}?limit={WHOLE}&changed_since={changed}",
        "details": f"os-sync/detail?limit={PAGE}",
        "the state": f"os-sync-state?limit={PAGE}",
    }.items():
        tag = reader.get(path).headers["ETag"]
        before = cpu(api)
        taken = _milliseconds(
            lambda path=path, tag=tag: reader.get(  # type: ignore[misc]
                path, 304, **{"If-None-Match": tag}
            ),
            POLLS,
        )
        yield Row(
            f"{database}: a poll of {what} that finds nothing new, processor time of the API",
            1000 * (cpu(api) - before) / POLLS,
            CPU_AT_MOST,
            f"answer {median(taken):.0f} ms",
            unit="ms",
        )


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Measure pages, polls, and the whole of a long job, on each database."""
    if not world.is_complete:
        return
    many, rounds = (10_000, 5) if quick else (MANY, 20)
    for database in DATABASES:
        # Without engines, the API has all processor time, and the job stays as it is.
        with world.kingbird(engines=0, database=database) as kingbird:
            person = world.person()
            url = kingbird.deployment.database_url
            add_jobs(url, person, many)
            add_states(url, person, many)
            job_id = add_long_job(url, person, many)
            reader = Reader(kingbird, person)
            # The worker validates the token with Keystone once.
            reader.get("os-sync?limit=1")
            yield from _pages(reader, database, many, rounds, job_id)
            yield from _polls(kingbird, reader, database, job_id)
            begin = time.monotonic()
            count = reader.walk(f"os-sync/{job_id}")
            if count != many:
                raise RuntimeError(f"{count} of {many} items were shown")
            yield Row(
                f"{database}: all of a job of {many} items, in pages of {WHOLE}",
                time.monotonic() - begin,
                ALL_AT_MOST,
                f"{many // WHOLE} requests, one after another",
                unit="s",
            )
