"""A Kingbird that runs jobs, with times from its database."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually

#: Seconds between two polls of a job: a SELECT by key, which costs next to nothing.
POLL = 0.1
#: Seconds after which a running job is an error.
PATIENCE = 1800.0

ALL = "*"


@dataclass(frozen=True)
class Job:
    """A job that has ended; times are seconds since 1970.

    :ivar written: the time of the last outcome, or of the plan if there was nothing to do.
    """

    id: str
    status: str
    created: float
    planned: float
    written: float
    closed: float

    @property
    def seconds(self) -> float:
        """Return the time from the accepted request until the job was closed."""
        return self.closed - self.created

    @property
    def writing(self) -> float:
        """Return the time from the stored plan until the last outcome was stored."""
        return self.written - self.planned


def wildcard(source: str | list[str] = ALL, target: Sequence[str] = (ALL,)) -> dict[str, Any]:
    """Return a set of every project's images."""
    return {
        "resource_type": "image",
        "resources": [ALL],
        "source": source,
        "target": list(target),
        "all_projects": True,
    }


class Service:
    """A Kingbird with its API and its tables."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self._database = sa.create_engine(deployment.database_url)

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.dispose()

    def query(self, text: str, **values: Any) -> list[Any]:
        """Return the rows of a query."""
        with self._database.connect() as connection:
            return list(connection.execute(sa.text(text), values))

    def moment(self, text: str, **values: Any) -> float | None:
        """Return the single time of a query as seconds since 1970, or ``None``."""
        return _seconds(self.query(text, **values)[0][0])

    def start(self, person: Person, sync_set: dict[str, Any]) -> str:
        """Create a job, and return its id."""
        jobs = f"{self.deployment.url}/v1.0/{person.project_id}/os-sync"
        answer = person.session.post(jobs, json={"resource_set": sync_set})
        return str(answer.json()["job_status"]["id"])

    def wait(self, job_id: str, expected: str | None = "SUCCESS") -> Job:
        """Wait for a job's end.

        :param expected: the job's expected status; ``None`` for any.
        :raises RuntimeError: the job ended with another status, or does not end.
        """
        deadline = time.monotonic() + PATIENCE
        status = "IN_PROGRESS"
        while status == "IN_PROGRESS" and time.monotonic() < deadline:
            time.sleep(POLL)
            ((status,),) = self.query("SELECT status FROM jobs WHERE id = :id", id=job_id)
        if status != (expected or status) or status == "IN_PROGRESS":
            raise RuntimeError(f"Job {job_id} is {status}: {self.reasons(job_id)}")
        ((created, planned, closed, written),) = self.query(
            "SELECT created_at, planned_at, updated_at, "
            "(SELECT MAX(i.updated_at) FROM items i WHERE i.job_pk = jobs.pk) "
            "FROM jobs WHERE id = :id",
            id=job_id,
        )
        begin, plan, last, end = map(_seconds, (created, planned, written or planned, closed))
        if not (begin and plan and last and end):
            raise RuntimeError(f"Job {job_id} lacks a moment")
        return Job(job_id, status, begin, plan, last, end)

    def run(self, person: Person, sync_set: dict[str, Any], expected: str = "SUCCESS") -> Job:
        """Create a job and wait for its end."""
        return self.wait(self.start(person, sync_set), expected)

    def reasons(self, job_id: str) -> dict[str, int]:
        """Return the number of a job's items by reason."""
        rows = self.query(
            "SELECT reason, COUNT(*) FROM items WHERE job_pk = "
            "(SELECT pk FROM jobs WHERE id = :id) GROUP BY reason",
            id=job_id,
        )
        return {row[0]: row[1] for row in rows}

    def engine_pid(self) -> int:
        """Return the process id of the engine, once it is registered."""
        rows = eventually("an engine is there", lambda: self.query("SELECT pid FROM engines"))
        return int(rows[0][0])


def _seconds(moment: object) -> float | None:
    # Tables store UTC; SQLite returns text.
    if moment is None:
        return None
    return datetime.fromisoformat(str(moment)).replace(tzinfo=UTC).timestamp()
