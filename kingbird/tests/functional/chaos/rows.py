"""Reads the database directly, past the relays that Kingbird uses."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from kingbird.db.clock import now_ms
from kingbird.db.models import Item, Job, Task
from kingbird.db.program_models import Engine

ENDED = ("SUCCESS", "FAILURE", "CANCELLED")


class Rows:
    """Reads the tables of a Kingbird."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, poolclass=NullPool)

    def _all(self, query: Any) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(query).all()

    def now(self) -> int:
        """Return the time of the database in milliseconds, which leases use."""
        return int(self._all(sa.select(now_ms()))[0][0])

    def jobs(self) -> dict[str, str]:
        """Return the state of every job."""
        return {row.id: row.status for row in self._all(sa.select(Job.id, Job.status))}

    def has_ended(self, job_id: str) -> bool:
        """Return True if a job has ended."""
        return self.jobs().get(job_id) in ENDED

    def engines(self) -> dict[str, int]:
        """Return the pid of each registered engine."""
        return {row.id: row.pid for row in self._all(sa.select(Engine.id, Engine.pid))}

    def leases(self, job_id: str) -> list[Any]:
        """Return the holders and the expiry of the leases of a job and its tasks."""
        return [*self.tasks(job_id), *self._plans(job_id)]

    def tasks(self, job_id: str) -> Sequence[Any]:
        """Return the holders and the expiry of the leases of a job's tasks."""
        query = sa.select(Task.region, Task.engine_id, Task.lease_expires).join(
            Job, Job.pk == Task.job_pk
        )
        return self._all(query.where(Job.id == job_id))

    def _plans(self, job_id: str, *where: Any) -> Sequence[Any]:
        query = sa.select(Job.id, Job.engine_id, Job.lease_expires)
        return self._all(query.where(Job.id == job_id, *where))

    def holders(self, job_id: str) -> set[str]:
        """Return the engines that plan a job or work on its tasks by a valid lease."""
        now = self.now()
        # A planned job still names its planner.
        rows = [*self.tasks(job_id), *self._plans(job_id, Job.planned_at.is_(None))]
        return {
            row.engine_id
            for row in rows
            if row.engine_id and row.lease_expires and row.lease_expires > now
        }

    def open_work(self, job_id: str) -> tuple[int, int]:
        """Return a job's counter of open tasks, and the number of tasks that are not done."""
        job = self._all(sa.select(Job.pk, Job.tasks_open).where(Job.id == job_id))[0]
        undone = sa.select(sa.func.count()).where(Task.job_pk == job.pk, Task.done.is_(False))
        return job.tasks_open, self._all(undone)[0][0]

    def is_half_ended(self, job_id: str) -> bool:
        """Return True if a job is in progress although all items of its plan have ended."""
        is_open = sa.exists().where(Item.job_pk == Job.pk, Item.status == "IN_PROGRESS")
        query = sa.select(Job.id).where(
            Job.id == job_id,
            Job.status == "IN_PROGRESS",
            Job.planned_at.is_not(None),
            Job.plan_rest.is_(None),
            ~is_open,
        )
        return bool(self._all(query))

    def moments(self, job_id: str) -> dict[str, list[datetime]]:
        """Return the times at which a job's outcomes were stored, by region and in order."""
        query = (
            sa.select(Item.target_region, Item.updated_at)
            .join(Job, Job.pk == Item.job_pk)
            .where(Job.id == job_id, Item.updated_at.is_not(None))
            .order_by(Item.updated_at)
        )
        found: dict[str, list[datetime]] = {}
        for region, moment in self._all(query):
            found.setdefault(region, []).append(moment)
        return found

    def states(self, job_id: str) -> dict[str, int]:
        """Return the number of a job's items by state and reason, for a message."""
        query = (
            sa.select(Item.status, Item.reason, sa.func.count())
            .join(Job, Job.pk == Item.job_pk)
            .where(Job.id == job_id)
            .group_by(Item.status, Item.reason)
        )
        return {f"{status} {reason}": count for status, reason, count in self._all(query)}
