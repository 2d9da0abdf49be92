"""A Glance that is restarted for longer than calls are retried costs no item of a large job.

Stand-ins serve the images.  Options are the defaults: 70 s is more than calls are retried.  Then
the region's circuit breaker opens, and its share of the job waits.  If few calls are made to the
region at a time, items that have failed are tried once more instead.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from standin import Standin

from kingbird.tests.functional.conftest import REGIONS
from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import IN_PROGRESS, SUCCESS, KingbirdAPI, wildcard
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually

SOURCE, TARGET, OTHER = REGIONS
#: Seconds for which the Glance is away, and the images of a job.
GONE, IMAGES, FEWER = 70.0, 50_000, 5_000
#: Records that are written before it goes away.
BEFORE = 5_000
#: Seconds after which a job does not end any more.
END = 1800.0
OPTIONS: dict[str, dict[str, Any]] = {
    "sync": {
        "retry_timeout": 60,
        "breaker_reset_timeout": 30,
        "region_patience": 1800,
        "slow_region_timeout": 1,
    },
    "glance": {"interface": "admin"},
    "DEFAULT": {"debug": "false"},
}


@pytest.fixture
def standins(cloud: Any) -> Iterator[Standin]:
    """Publish stand-ins under an interface of their own."""
    with Standin(REGIONS, project=cloud.projects["admin"]) as made:
        cloud.register_service(
            "image", "glance", {region: {"admin": url} for region, url in made.urls.items()}
        )
        yield made


class Scene:
    """A job whose target's Glance goes away.

    :ivar waited: whether the job has told that it waits for the region.
    """

    def __init__(self, kingbird: Deployment, person: Person, standins: Standin) -> None:
        self.api, self.standins = KingbirdAPI(kingbird.url, person), standins
        self.waited = False

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.api.call("GET", f"/{job_id}?limit=1").json()
        job: dict[str, Any] = answer["job"]
        self.waited |= job["waits_for"] == [TARGET]
        return job

    def restart(self, job_id: str) -> None:
        """Let the Glance be away from now on for as long as a restart takes."""
        end = time.monotonic() + GONE
        while time.monotonic() < end:
            self.job(job_id)
            time.sleep(0.5)
        self.standins.open(TARGET)

    def end(self, job_id: str) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            job = self.job(job_id)
            return job if job["sync_status"] != IN_PROGRESS else None

        ended: dict[str, Any] = eventually(f"job {job_id} ends", look, END, poll=1)
        return ended


@pytest.fixture
def scene(
    admin: Person, deploy_own: Callable[[Kind], Deployment], standins: Standin, cloud: Any
) -> Scene:
    return Scene(deploy_own(Kind(options=OPTIONS)), Person(cloud, "admin"), standins)


def test_a_restart_while_records_are_written(scene: Scene) -> None:
    standins = scene.standins
    standins.seed(SOURCE, IMAGES, project=scene.api.person.project_id)
    begin = time.monotonic()
    job_id = scene.api.accepted(wildcard(source=SOURCE, target=[TARGET]))
    eventually("records are made", lambda: standins.sizes()[TARGET] >= BEFORE, END)
    standins.close(TARGET)
    gone = time.monotonic()
    scene.restart(job_id)
    made = standins.sizes()[TARGET]
    assert made < IMAGES, "the region was away in the middle of the job"
    back = time.monotonic()
    job = scene.end(job_id)
    print(
        f"{made} of {IMAGES} records in {gone - begin:.0f} s, away for {back - gone:.0f} s, the "
        f"rest in {time.monotonic() - back:.0f} s; it waited: {scene.waited}; calls "
        f"{standins.counts()[TARGET]}"
    )
    assert (job["sync_status"], job["outcomes"]) == (SUCCESS, {"created": IMAGES})
    assert standins.sizes()[TARGET] == IMAGES


def test_a_restart_while_a_job_is_planned(scene: Scene) -> None:
    standins = scene.standins
    standins.seed(SOURCE, FEWER, project=scene.api.person.project_id)
    standins.close(TARGET)
    begin = time.monotonic()
    job_id = scene.api.accepted(wildcard(source=SOURCE, target=[TARGET, OTHER]))
    eventually("the other region is done", lambda: standins.sizes()[OTHER] == FEWER, GONE)
    others = time.monotonic() - begin
    scene.restart(job_id)
    assert scene.waited
    assert standins.sizes()[TARGET] == 0
    back = time.monotonic()
    job = scene.end(job_id)
    print(
        f"{FEWER} records in another region in {others:.0f} s, away for {back - begin:.0f} s, "
        f"the rest in {time.monotonic() - back:.0f} s; calls {standins.counts()[TARGET]}"
    )
    assert (job["sync_status"], job["outcomes"]) == (SUCCESS, {"created": 2 * FEWER})
    assert standins.sizes()[TARGET] == FEWER
