"""Undo jobs on real Glances: a large one, some of whose records were touched, and lost answers."""

from collections.abc import Callable

import pytest

from kingbird.clients.glance import Image, ImageClient
from kingbird.tests.functional.deployment import PATIENT, Deployment, Kind
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync, wildcard
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.proxy import Proxy, lose_answer

HOME, REGION = "RegionOne", "RegionTwo"
#: Records that a job creates and updates, and those of each that are touched before it is undone.
CREATED, UPDATED, TOUCHED = 100, 50, 5


@pytest.fixture
def patient(newcomer: Person, deploy_own: Callable[[Kind], Deployment]) -> KingbirdAPI:
    """Return the API of a Kingbird that waits for answers, for the newcomer."""
    running = deploy_own(Kind("MariaDB", broker=True, options=PATIENT))
    return KingbirdAPI(running.url, newcomer)


def rename(images: ImageClient, image_id: str, name: str) -> None:
    images.update(image_id, [{"op": "add", "path": "/name", "value": name}])


def without_time(image: Image | None) -> Image:
    """Return an image without the time of its last change, which undoing changes."""
    return {name: value for name, value in (image or {}).items() if name != "updated_at"}


def test_a_large_job_is_undone_but_for_what_was_touched(
    patient: KingbirdAPI, newcomer: Person
) -> None:
    home, there = newcomer.images(HOME), newcomer.images(REGION)

    def make(number: int, name: str) -> list[str]:
        return [newcomer.make(HOME, name=f"{name} {n}")["id"] for n in range(number)]

    def seen(image_id: str) -> tuple[str, bool]:
        image = newcomer.see(REGION, image_id)
        return image["name"], image["os_hidden"]

    filters = {"status": ["queued"]}
    wanted = wildcard(source=HOME, target=[REGION], on_drift="update", filters=filters)
    old = make(UPDATED, "old")
    assert patient.run(wanted).outcomes == {"created": UPDATED}
    before = {image_id: without_time(there.get(image_id)) for image_id in old}
    for image_id in old:
        rename(home, image_id, f"renamed {image_id}")
    new = make(CREATED, "new")
    job = patient.run(wanted)
    assert job.outcomes == {"created": CREATED, "updated": UPDATED}

    touched = {*old[:TOUCHED], *new[:TOUCHED]}
    for image_id in touched:
        rename(there, image_id, "mine")
    answer = patient.call("POST", f"/{job.id}/undo")
    assert answer.status_code == 202, answer.text
    undone = patient.wait(answer.json()["job_status"]["id"])
    assert undone.status == SUCCESS
    whole = CREATED + UPDATED - 2 * TOUCHED
    assert undone.outcomes == {"undone": whole, "kept": TOUCHED, "touched": TOUCHED}
    items, _ = patient.show(undone.id)
    told = {item["resource"]: item["reason"] for item in items if item["reason"] != "undone"}
    assert told == {
        **dict.fromkeys(new[:TOUCHED], "kept"),
        **dict.fromkeys(old[:TOUCHED], "touched"),
    }
    for image_id in {*old} - touched:
        assert without_time(there.get(image_id)) == before[image_id]
    assert {seen(image_id)[1] for image_id in {*new} - touched} == {True}
    assert {seen(image_id) for image_id in touched} == {("mine", False)}

    again = patient.run(wanted)
    assert again.outcomes == {"updated": CREATED + UPDATED}, "no record is made anew"
    for image_id in (*old, *new):
        assert seen(image_id) == (newcomer.see(HOME, image_id)["name"], False)


def test_an_update_whose_answers_are_lost_is_undone(
    api: Callable[[Person], KingbirdAPI], newcomer: Person, glances: dict[str, Proxy]
) -> None:
    image_id = newcomer.make(HOME, name="old")["id"]
    there = newcomer.images(REGION)
    wanted = sync(image_id, target=REGION, on_drift="update", prune=True)
    assert api(newcomer).run(wanted).outcomes == {"created": 1}
    there.update(image_id, [{"op": "add", "path": "/extra", "value": "here"}])
    rename(newcomer.images(HOME), image_id, "new")
    before = there.get(image_id)
    with glances[REGION].broken(lose_answer, lambda call: call.method == "PATCH"):
        job = api(newcomer).run(wanted)
    assert job.outcomes == {"updated": 1}
    after = newcomer.see(REGION, image_id)
    assert (after["name"], "extra" in after) == ("new", False)
    answer = api(newcomer).call("POST", f"/{job.id}/undo")
    undone = api(newcomer).wait(answer.json()["job_status"]["id"])
    assert undone.outcomes == {"undone": 1}
    assert without_time(there.get(image_id)) == without_time(before)
