"""Time to create records in one region: a whole job against the bare loop."""

import statistics
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from benchmarks.bare import post_all
from kingbird.sync import image as fields
from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.people import Person

SOURCE, TARGET = "RegionOne", "RegionTwo"
#: Seconds between two looks at a job; asking more often would take a core from Glance.
POLL = 0.5


@dataclass(frozen=True)
class Round:
    """Seconds of one round.

    :ivar bare: of the bare loop.
    :ivar job: from the request to Kingbird until the job is closed, by the database's rows.
    :ivar writing: from the stored plan to the last outcome, by the database's rows.
    """

    bare: float
    job: float
    writing: float


def _make(person: Person, count: int) -> list[dict[str, Any]]:
    images = person.images(SOURCE)
    return [
        images.create(
            {
                "name": f"benchmark-{number}",
                "disk_format": "raw",
                "container_format": "bare",
                "min_disk": 1,
                "tags": ["benchmark", f"tag-{number}"],
                "os_distro": "debian",
                "number": str(number),
            }
        )
        for number in range(count)
    ]


def _bare(person: Person, url: str, images: list[dict[str, Any]], connections: int) -> float:
    records = [
        fields.record_for(image, SOURCE, fields.Rules(), image_id=str(uuid.uuid4()))
        for image in images
    ]
    return post_all(url, person.token, records, connections)


def _job(person: Person, deployment: Deployment, images: list[dict[str, Any]]) -> str:
    jobs = f"{deployment.url}/v1.0/{person.project_id}/os-sync"
    body = {
        "resource_type": "image",
        "resources": [image["id"] for image in images],
        "source": SOURCE,
        "target": [TARGET],
        "force": "False",
    }
    answer = person.session.post(jobs, json={"resource_set": body})
    job_id: str = answer.json()["job_status"]["id"]
    while True:
        listed = person.session.get(jobs).json()["job_set"]
        status = next(job["sync_status"] for job in listed if job["id"] == job_id)
        if status != "IN_PROGRESS":
            break
        time.sleep(POLL)
    if status != "SUCCESS":
        raise RuntimeError(f"Job {job_id} ended with {status}")
    return job_id


def _moments(deployment: Deployment, job_id: str) -> list[float]:
    """Read from the rows when a job was planned, had its last outcome, and was closed.

    :returns: seconds since 1970.
    """
    engine = sa.create_engine(deployment.database_url)
    query = sa.text(
        "SELECT j.planned_at, MAX(i.updated_at), j.updated_at FROM jobs j JOIN items i "
        "ON i.job_pk = j.pk WHERE j.id = :id GROUP BY j.planned_at, j.updated_at"
    )
    with engine.connect() as connection:
        moments = [
            datetime.fromisoformat(str(moment)).replace(tzinfo=UTC).timestamp()
            for moment in connection.execute(query, {"id": job_id}).one()
        ]
    engine.dispose()
    return moments


def measure(
    person: Person,
    deployment: Deployment,
    url: str,
    *,
    count: int,
    rounds: int,
    connections: int,
    say: Callable[[str], None],
) -> list[Round]:
    """Take turns with the bare loop, beginning with it every other time.

    :param url: the target region's Glance.
    :param count: records in each round.
    """
    measured = []
    for number in range(rounds):
        images = _make(person, count)
        bare = _bare(person, url, images, connections) if number % 2 == 0 else 0.0
        begin = time.time()
        job_id = _job(person, deployment, images)
        planned, written, closed = _moments(deployment, job_id)
        if not bare:
            bare = _bare(person, url, images, connections)
        measured.append(Round(bare, closed - begin, written - planned))
        say(f"round {number + 1} of {rounds}: {measured[-1]}")
    return measured


def table(measured: list[Round], count: int) -> str:
    """Return what was measured, as text: medians, and ratios of the medians."""
    bare = statistics.median(one.bare for one in measured)
    lines = [f"{count} records into one region, median of {len(measured)} rounds"]
    for name in ("bare", "job", "writing"):
        seconds = statistics.median(getattr(one, name) for one in measured)
        lines.append(f"  {name:8} {seconds:7.3f} s   {seconds / bare:5.2f} x the bare loop")
    return "\n".join(lines)
