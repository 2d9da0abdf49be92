"""``os-sync-state`` is true after two engines wrote at once and one of them was killed."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from kingbird.tests.functional.chaos.rows import Rows
from kingbird.tests.functional.conftest import REGIONS
from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import KingbirdAPI, wildcard
from kingbird.tests.functional.people import Image, Person
from kingbird.tests.functional.programs import Program, eventually
from kingbird.tests.functional.proxy import Proxy, hold
from kingbird.tests.functional.test_state import STATES, cells

SOURCE, *COPIES = REGIONS
#: The work of an engine that was killed is taken over after seconds.
OPTIONS = {
    "engine": {"lease": 6, "poll_interval": 1, "reaper_interval": 1},
    # No region is given up while the machine is busy.
    "sync": {"retry_timeout": 60},
}
#: Number of new images before each of the runs.
NEW = 6
UPDATE = wildcard(on_drift="update")


class Scene:
    """A user's images, and two engines that work on them.

    :ivar images: the images of the source region.
    """

    def __init__(self, running: Deployment, person: Person, glances: Mapping[str, Proxy]) -> None:
        self.api = KingbirdAPI(running.url, person)
        self._running = running
        self._person = person
        self._glances = glances
        self._rows = Rows(running.database_url)
        self.images: list[Image] = []

    def add(self) -> None:
        """Make images in the source region."""
        self.images += [self._person.make(SOURCE, b"data") for _ in range(NEW)]

    def change(self) -> None:
        """Let copies differ, lack, get their data, and lose their source."""
        renamed, lost, complete, orphaned, *_ = (image["id"] for image in self.images)
        for region in COPIES:
            rename = [{"op": "replace", "path": "/name", "value": f"other in {region}"}]
            self._person.images(region).update(renamed, rename)
        self._person.delete(COPIES[0], lost)
        for region in COPIES:
            self._person.upload(region, complete, b"data")
        self._person.delete(SOURCE, orphaned)
        del self.images[:4]

    def run_and_kill(self, *sets: dict[str, Any]) -> None:
        """Run a job of each set at once, and kill an engine in the middle of its writes."""
        gate = threading.Event()
        region = COPIES[0]
        glance = self._glances[region]
        with glance.recording() as calls, glance.broken(hold(gate), lambda call: call.writes):
            try:
                jobs = [self.api.accepted(one) for one in sets]
                killed = eventually("an engine waits for Glance", lambda: self._writer(jobs))
                killed.kill()
            finally:
                gate.set()
            self._running.engines.remove(killed)
            self._running.start_engine()
            for job_id in jobs:
                self.api.wait(job_id)
        assert any(call.writes for call in calls)

    def _writer(self, jobs: list[str]) -> Program | None:
        """Return an engine whose write to the first region of copies is held."""
        if not any(call.writes and call.status is None for call in self._glances[COPIES[0]].calls):
            return None
        holders = {
            task.engine_id
            for job_id in jobs
            for task in self._rows.tasks(job_id)
            if task.region == COPIES[0]
        }
        pids = {pid for engine, pid in self._rows.engines().items() if engine in holders}
        found = [program for program in self._running.engines if pids & program.pids]
        return found[0] if found else None

    def compare(self) -> dict[tuple[str, str], tuple[str, dict[str, Any]]]:
        """Return what a comparison of all regions finds now."""
        job = self.api.run(wildcard(dry_run=True))
        return {
            (item["resource"], item["target_region"]): (STATES[item["reason"]], item["fields"])
            for item in job.items
        }


@pytest.mark.parametrize("database", ["MariaDB", "PostgreSQL"])
def test_the_state_after_an_engine_was_killed(
    newcomer: Person,
    deploy_own: Callable[[Kind], Deployment],
    glances: dict[str, Proxy],
    database: str,
) -> None:
    running = deploy_own(Kind(database, broker=True, engines=2, options=OPTIONS))
    scene = Scene(running, newcomer, glances)
    scene.add()
    scene.api.run(wildcard(dry_run=True))
    assert {state for state, _ in cells(scene.api).values()} == {"missing"}

    scene.run_and_kill(UPDATE, wildcard(source=SOURCE, target=[COPIES[0]]))
    stored = cells(scene.api)
    assert {state for state, _ in stored.values()} == {"no_data"}
    assert stored == scene.compare()

    scene.change()
    scene.add()
    scene.api.run(wildcard(dry_run=True))
    stored = cells(scene.api)
    assert {state for state, _ in stored.values()} == {"missing", "no_data", "drift", "orphan"}
    assert stored == scene.compare()

    scene.run_and_kill(UPDATE, wildcard(target=COPIES, on_drift="update"))
    stored = cells(scene.api)
    assert {state for state, _ in stored.values()} == {"missing", "no_data", "orphan"}
    assert stored == scene.compare()
    # The comparison has stored the same.
    assert stored == cells(scene.api)
