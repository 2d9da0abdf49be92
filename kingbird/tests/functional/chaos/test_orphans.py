"""Faults of homes, lists and engines while orphans are hidden: no copy is lost that has a home."""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kingbird.sync import image as fields
from kingbird.tests.functional.conftest import REGIONS
from kingbird.tests.functional.deployment import Deployment, Kind, deploy
from kingbird.tests.functional.glance_config import configured
from kingbird.tests.functional.glance_rows import purge, reinstalled
from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS, Job, KingbirdAPI, wildcard
from kingbird.tests.functional.list_calls import is_walk, recording
from kingbird.tests.functional.people import Image, Person
from kingbird.tests.functional.proxy import Answer, Call, Cut, Fault, Proxy, capped, error

HOME, *OTHERS = REGIONS
TARGET = OTHERS[0]
DATA = b"some data"
#: Copies of a home.  A run hides ten of them at most.
MANY = 12
#: A call may take half as long as a lease, and machines are busy.
OPTIONS: dict[str, dict[str, Any]] = {
    "engine": {"lease": 20, "poll_interval": 0.5, "reaper_interval": 1}
}


class Trial:
    """A home with images of one project, one of which it has deleted, and copies of all.

    :ivar lost: the image that its home has deleted.
    """

    def __init__(
        self, kingbird: Deployment, admin: Person, cloud: Any, proxies: dict[str, Proxy]
    ) -> None:
        self.kingbird, self.cloud, self.proxies = kingbird, cloud, proxies
        self.person = admin.with_new_project("admin", role="admin")
        self.api = KingbirdAPI(kingbird.url, self.person)
        # The first one of each list is lost, so that it is found before a later page fails.
        ids = sorted(str(uuid.uuid4()) for _ in range(MANY))
        self.images = [
            self.person.make(HOME, DATA, id=image_id, name=f"image-{number}")
            for number, image_id in enumerate(ids)
        ]
        job = self.api.run(wildcard(source=HOME, target=OTHERS))
        assert job.outcomes == {"created": MANY * len(OTHERS)}
        self.lost = self.images.pop(0)
        self.person.delete(HOME, self.lost["id"])
        self.wanted = wildcard(source=HOME, target=OTHERS, on_orphan="hide")

    def run(self) -> Job:
        job = self.api.run(self.wanted)
        assert self.api.jobs("/active") == [], "no job is in progress"
        return job

    def hidden(self, region: str) -> set[str]:
        """Return the ids of the images that are hidden in a region, all of which are there."""
        copies = (self.person.see(region, one["id"]) for one in (*self.images, self.lost))
        found = [copy for copy in copies if copy["os_hidden"]]
        assert all(fields.ORPHANED_AT in copy for copy in found)
        return {copy["id"] for copy in found}

    def nothing_is_hidden(self) -> None:
        """Run with the fault, and check that no region was written to."""
        with recording(self.proxies) as calls:
            job = self.run()
        assert job.status == FAILURE
        assert "hidden" not in job.outcomes
        assert calls.all_writes == []
        assert [self.hidden(region) for region in OTHERS] == [set()] * 2
        self.last = job

    def is_guarded(self, orphans: int, why: str) -> None:
        """Run with the fault, and check that a guard has stopped it."""
        self.nothing_is_hidden()
        assert self.last.outcomes["orphan_guard"] == orphans
        guarded = [one for one in self.last.items if one["reason"] == "orphan_guard"]
        assert all(why in item["message"] for item in guarded)

    def is_hidden_later(self) -> None:
        """Run without the fault, and check that the one orphan is hidden."""
        job = self.run()
        assert (job.status, job.outcomes["hidden"]) == (SUCCESS, len(OTHERS))
        assert [self.hidden(region) for region in OTHERS] == [{self.lost["id"]}] * 2


@pytest.fixture(scope="module")
def orphan_kingbird(
    cloud: Any, glances: dict[str, Proxy], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """Start a Kingbird whose engine is missed soon."""
    with deploy(Kind(options=OPTIONS), cloud, tmp_path_factory.mktemp("orphans")) as running:
        yield running


@pytest.fixture
def trial(
    orphan_kingbird: Deployment, admin: Person, cloud: Any, glances: dict[str, Proxy]
) -> Trial:
    """Let a home have deleted one of its images."""
    return Trial(orphan_kingbird, admin, cloud, glances)


def killed_at_the_call(trial: Trial, *, is_forwarded: bool, meanwhile: Callable[[], Any]) -> Job:
    """Kill the engine at the hiding call to one region, and wait for the end of the job.

    :param is_forwarded: whether the call has reached Glance by then.
    :param meanwhile: called while no engine runs.
    """
    taken, gate = threading.Event(), threading.Event()

    def keep(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        if is_forwarded:
            assert forward(call).status == 200
        taken.set()
        gate.wait(60)
        raise Cut

    def hides(call: Call) -> bool:
        return call.method == "PATCH" and call.path.endswith(trial.lost["id"])

    trial.wanted["target"] = [TARGET]
    with trial.proxies[TARGET].broken(keep, hides, times=1):
        job_id = trial.api.accepted(trial.wanted)
        assert taken.wait(60)
        program = trial.kingbird.api
        assert program is not None
        program.kill()
        gate.set()
        meanwhile()
        trial.kingbird.start_standalone()
        trial.kingbird.wait_until_ready()
    job = trial.api.wait(job_id)
    assert trial.api.jobs("/active") == []
    return job


@pytest.mark.parametrize("is_forwarded", [False, True])
def test_an_engine_that_is_killed_between_look_and_patch(trial: Trial, is_forwarded: bool) -> None:
    """Hide it once more, so that the database knows of it."""
    job = killed_at_the_call(trial, is_forwarded=is_forwarded, meanwhile=lambda: None)
    assert job.reasons[trial.lost["id"], TARGET] == "hidden"
    assert trial.hidden(TARGET) == {trial.lost["id"]}
    copy = trial.person.see(TARGET, trial.lost["id"])
    (row,) = (
        row
        for row in trial.kingbird.rows()["hidden_orphans"]
        if row["image_id"] == trial.lost["id"]
    )
    assert (row["region"], row["updated_at"]) == (TARGET, copy["updated_at"])


def test_an_image_that_comes_back_while_the_engine_is_dead(trial: Trial) -> None:
    def restore() -> None:
        purge(trial.cloud, HOME)
        trial.person.make(HOME, DATA, id=trial.lost["id"])

    job = killed_at_the_call(trial, is_forwarded=False, meanwhile=restore)
    assert job.reasons[trial.lost["id"], TARGET] == "kept"
    assert trial.hidden(TARGET) == set()


def test_a_home_that_is_reinstalled(trial: Trial) -> None:
    """Its Glance is empty at first, and has one new image later."""
    with reinstalled(trial.cloud, HOME):
        trial.is_guarded(MANY * len(OTHERS), f"{HOME} lists no image at all")
        new = trial.person.make(HOME)
        trial.is_guarded(MANY * len(OTHERS), f"seems to have deleted {MANY} of its {MANY} images")
        trial.person.delete(HOME, new["id"])
    trial.is_hidden_later()


def test_an_endpoint_of_home_that_leads_elsewhere(trial: Trial) -> None:
    """One copy is in the last region only, so that the home seems to have deleted it."""
    alone: Image = trial.images[0]
    trial.person.delete(TARGET, alone["id"])
    trial.wanted["target"] = [OTHERS[1]]
    own, other = trial.proxies[HOME].url, trial.proxies[TARGET].url
    trial.cloud.set_endpoint("image", HOME, "internal", other)
    try:
        with recording(trial.proxies) as calls:
            job = trial.run()
    finally:
        trial.cloud.set_endpoint("image", HOME, "internal", own)
    assert job.reasons[alone["id"], OTHERS[1]] == "orphan_guard"
    assert "as if its endpoint led to another region" in job.item(alone["id"])["message"]
    assert calls.all_writes == []
    assert trial.hidden(OTHERS[1]) == set()


@pytest.mark.parametrize("shows_one", [False, True])
def test_a_policy_that_hides_images(trial: Trial, tmp_path: Path, shows_one: bool) -> None:
    """The home's Glance shows no image to anybody, or one only."""
    hiding = tmp_path / "policy.yaml"
    rule = "'image-1':%(name)s" if shows_one else "role:nobody"
    hiding.write_text(f'"get_image": "{rule}"\n')
    missed = MANY - shows_one
    why = f"seems to have deleted {missed}" if shows_one else f"{HOME} lists no image at all"
    with configured(trial.cloud, HOME, oslo_policy={"policy_file": str(hiding)}):
        trial.is_guarded(missed * len(OTHERS), why)
    trial.is_hidden_later()


def fails_on_page_three(pages: list[str]) -> Fault:
    """Answer with short pages, and with an error from the third one on.

    :param pages: takes the markers of the pages that were asked for.
    """

    def fault(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        marker = call.query.get("marker", "")
        if marker not in pages:
            pages.append(marker)
        if pages.index(marker) >= 2:
            return error(503)(call, forward)
        answer = forward(capped(call, 2))
        assert len(json.loads(answer.body)["images"]) == 2
        return answer

    return fault


def shows_visible(call: Call) -> bool:
    return is_walk(call) and call.query.get("os_hidden") != "true"


@pytest.mark.parametrize("region", [HOME, TARGET])
def test_a_list_that_fails_on_page_three(trial: Trial, region: str) -> None:
    pages: list[str] = []
    trial.wanted["target"] = [TARGET]
    with (
        trial.proxies[region].broken(fails_on_page_three(pages), shows_visible),
        recording(trial.proxies) as calls,
    ):
        job = trial.run()
    assert len(pages) == 3
    assert job.reasons["*", region] == "region_unavailable"
    assert "hidden" not in job.outcomes
    assert calls.all_writes == []
    assert trial.hidden(TARGET) == set()
    trial.wanted["target"] = OTHERS
    trial.is_hidden_later()
