"""Many concurrent requests: each accepted request is a job, and no other job exists."""

from collections import Counter
from collections.abc import Callable

from kingbird.tests.functional import load
from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import IN_PROGRESS, wildcard
from kingbird.tests.functional.people import Person

REQUESTS = 300
CONNECTIONS = 32


def test_none_is_lost_and_none_is_made_up(
    demo: Person, deploy_own: Callable[[Kind], Deployment]
) -> None:
    # There is no engine, so the rows stay as the API left them.
    running = deploy_own(
        Kind(
            "MariaDB",
            broker=True,
            engines=0,
            workers=2,
            options={"sync": {"max_jobs_per_project": 0}, "DEFAULT": {"debug": "false"}},
        )
    )
    jobs = f"{running.url}/v1.0/{demo.project_id}/os-sync"
    done = load.post_jobs(jobs, demo.token, wildcard(dry_run=True), REQUESTS, CONNECTIONS)
    assert Counter(each.status for each in done.answers) == {200: REQUESTS}
    accepted = [each.json["job_status"]["id"] for each in done.answers]
    assert len(set(accepted)) == REQUESTS

    rows = running.rows()["jobs"]
    assert {row["id"] for row in rows} == set(accepted)
    assert len(rows) == REQUESTS
    assert {(row["status"], row["project_id"]) for row in rows} == {(IN_PROGRESS, demo.project_id)}
    # Each job has its own trust.
    assert len({row["trust_id"] for row in rows} - {None}) == REQUESTS
    listed = [
        job["id"]
        for answer in load.get(
            [f"{jobs}?limit={REQUESTS}", f"{jobs}/active"], demo.token, 2
        ).answers
        for job in answer.json["job_set"]
    ]
    assert Counter(listed) == Counter(accepted * 2)
