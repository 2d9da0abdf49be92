"""No generated request causes a 500 or shows one project the jobs of another."""

import os
import random
from collections.abc import Callable
from pathlib import Path

from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.fuzz import verdict
from kingbird.tests.functional.fuzz.run import fuzz
from kingbird.tests.functional.fuzz.scene import Scene
from kingbird.tests.functional.kingbird_api import KingbirdAPI, sync
from kingbird.tests.functional.leaks.watch import WATCH
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually

#: ``make fuzz`` sets both.
MINUTES, SEED = "KINGBIRD_FUZZ_MINUTES", "KINGBIRD_FUZZ_SEED"

IMAGES = 5
#: A low limit of jobs in progress, so that 429 occurs.
MOST_JOBS = 3
KIND = Kind(
    "MariaDB",
    broker=True,
    workers=2,
    options={"sync": {"max_jobs_per_project": MOST_JOBS}},
)


def test_fuzz(
    demo: Person,
    newcomer: Person,
    other: Person,
    deploy_own: Callable[[Kind], Deployment],
    tmp_path: Path,
) -> None:
    minutes = os.environ.get(MINUTES)
    seconds = int(float(minutes) * 60) if minutes else None
    seed = int(os.environ.get(SEED) or random.randrange(10**6))
    deployment = deploy_own(KIND)
    regions = ["RegionOne", "RegionTwo", "RegionThree"]
    foreign = other.make("RegionOne", visibility="private")["id"]
    theirs = KingbirdAPI(deployment.url, other)
    jobs = [theirs.run(sync(foreign)), theirs.run(sync(foreign, force=True))]
    hidden = {foreign, *(item["target_resource"] for job in jobs for item in job.items)}
    scene = Scene(
        project=newcomer.project_id,
        regions=regions,
        images=[newcomer.make("RegionOne", b"x")["id"] for _ in range(IMAGES)],
        foreign_project=other.project_id,
        foreign_jobs=[job.id for job in jobs],
        foreign_images=sorted(hidden),
        record=str(tmp_path / "record.jsonl"),
    )
    where = tmp_path / "scene.json"
    scene.save(where)

    status, printed = fuzz(
        deployment.url, where, seconds=seconds, seed=seed, credentials=newcomer.environment
    )

    print(f"seed {seed}\n{printed}")
    calls = verdict.read(Path(scene.record))
    WATCH.answered({}, Path(scene.record).read_bytes())
    for operation, statuses in sorted(verdict.counts(calls).items()):
        print(operation, dict(sorted(statuses.items())))
    ours = KingbirdAPI(deployment.url, newcomer)
    eventually("every job ends", lambda: not ours.jobs("/active"))
    # Answers tell at once that a job is deleted, and engines delete its rows afterwards.
    eventually("deleted jobs are gone", lambda: "DELETED" not in _states(deployment))
    rows = [row for row in deployment.rows()["jobs"] if row["project_id"] != other.project_id]
    wrong = list(verdict.complaints(calls, deployment.logs, rows, newcomer.project_id))
    if seconds is None:
        # A busy machine gets less done in a given time, but not with a given number of cases.
        wrong += verdict.unseen(calls)
    assert not wrong, f"seed {seed}: {wrong[:20]}"
    assert status == 0, f"seed {seed}: schemathesis found something\n{printed[-20_000:]}"
    # The jobs of others have not changed.
    assert {job["id"] for job in theirs.jobs()} >= set(scene.foreign_jobs)


def _states(deployment: Deployment) -> set[str]:
    return {row["status"] for row in deployment.rows()["jobs"]}
