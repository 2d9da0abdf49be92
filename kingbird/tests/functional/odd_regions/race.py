"""Run three jobs at a time, and measure how long the healthy region takes in each."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kingbird.tests.functional.kingbird_api import Job, KingbirdAPI, sync
from kingbird.tests.functional.odd_regions.problems import ODD, nothing
from kingbird.tests.functional.people import Person, unique

HOME, HEALTHY = "RegionOne", "RegionThree"
#: Sources and targets of a set by the part of the odd region.
ROLES = {
    "target": ([HOME], [ODD, HEALTHY]),
    "source": ([HOME, ODD], [HEALTHY]),
    "both": ([HOME, ODD, HEALTHY], [HOME, ODD, HEALTHY]),
}
#: The jobs: True for a wildcard, and True for a dry run.
JOBS = {
    "by id": (False, False),
    "wildcard": (True, False),
    "dry run with a wildcard": (True, True),
}
#: Seconds after which a region is given up.
GIVEN_UP = 30.0


@dataclass
class Started:
    """A job in progress.

    :ivar seconds: the time until the healthy region was done; ``None`` before that.
    """

    name: str
    image: str
    wildcard: bool
    dry_run: bool
    id: str
    begun: float
    seconds: float | None = None

    @property
    def done(self) -> str:
        """Return the reason of the image in a region that lacks it."""
        return "missing" if self.dry_run else "created"


class Race:
    """Runs jobs with new images of one user."""

    def __init__(self, api: KingbirdAPI, person: Person) -> None:
        self._api = api
        self._person = person

    def run(
        self, role: str, *, alone: bool = False, begin: Callable[[], None] = nothing
    ) -> list[Started]:
        """Start the jobs, and return them once the healthy region is done in each or given up.

        :param alone: leave the odd region out.
        :param begin: called when all jobs are posted.
        """
        sources, targets = (
            [name for name in names if not (alone and name == ODD)] for names in ROLES[role]
        )
        started = [self._start(name, sources, targets) for name in JOBS]
        if begin is not nothing:
            begin()
            for job in started:
                job.begun = time.monotonic()
        last = time.monotonic() + GIVEN_UP
        while time.monotonic() < last and any(job.seconds is None for job in started):
            for job in started:
                if job.seconds is None and self._is_done(job):
                    job.seconds = time.monotonic() - job.begun
            time.sleep(0.1)
        return started

    def _start(self, name: str, sources: Sequence[str], targets: Sequence[str]) -> Started:
        wildcard, dry_run = JOBS[name]
        image_name = unique()
        # Only an image with data is certain to be the source, whatever the odd region has.
        image = self._person.make(HOME, b"data", name=image_name, visibility="private")["id"]
        wanted: dict[str, Any] = sync(image, source=list(sources), target=list(targets))
        if wildcard:
            wanted.update(resources=["*"], filters={"name": image_name})
        begun = time.monotonic()
        job_id = self._api.accepted({**wanted, "dry_run": dry_run})
        return Started(name, image, wildcard, dry_run, job_id, begun)

    def _is_done(self, job: Started) -> bool:
        return any(
            item["resource"] == job.image
            and item["target_region"] == HEALTHY
            and item["reason"] == job.done
            for item in self._api.items(job.id)
        )

    def ended(self, job: Started) -> Job:
        """Wait until a job has ended, and return it."""
        return self._api.wait(job.id)

    def cancel(self, job: Started) -> None:
        """Cancel a job, which may have ended."""
        assert self._api.call("POST", f"/{job.id}/cancel").status_code in (202, 409)
