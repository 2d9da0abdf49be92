"""Each outcome of a request by ids, on real Glances."""

import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from kingbird.sync.image import forced_id
from kingbird.tests.functional.conftest import TAG_QUOTA
from kingbird.tests.functional.kingbird_api import (
    FAILURE,
    SKIPPED,
    SUCCESS,
    KingbirdAPI,
    sync,
)
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.proxy import Answer, Call, Proxy, hold
from kingbird.tests.functional.test_records import ami_trio

API = Callable[[Person], KingbirdAPI]


def posts(calls: list[Call]) -> list[Call]:
    return [call for call in calls if call.method == "POST"]


def test_created_then_without_data(demo: Person, api: API, glances: dict[str, Proxy]) -> None:
    image = demo.make("RegionOne", b"data", tags=["a", "b"], os_distro="plan9")
    assert api(demo).run(sync(image["id"])).outcome == (SUCCESS, "created")
    with glances["RegionTwo"].recording() as calls:
        again = api(demo).run(sync(image["id"]))
    assert again.outcome == (SUCCESS, "no_data")
    assert (again.only["action"], again.only["target_resource"]) == ("none", image["id"])
    assert not [call for call in calls if call.writes]


def test_a_job_is_deleted_as_soon_as_all_items_have_ended(
    demo: Person, api: API, glances: dict[str, Proxy]
) -> None:
    """A client that does so is never refused, however the items end."""
    kingbird = api(demo)
    images = [demo.make("RegionOne", b"data")["id"] for _ in range(3)]
    taken = demo.make("RegionOne", b"data")["id"]
    demo.make("RegionTwo", b"other", id=taken)
    regions = ["RegionTwo", "RegionThree"]
    wanted = [
        *(sync(*images[:number], target=regions) for number in (1, 2, 3)),
        sync(*images, target=regions),
        sync(images[0], target=regions, dry_run=True),
        sync(taken, target=regions),
        sync(*images, target=regions, force=True),
    ]
    for each in wanted:
        answer = kingbird.delete_at_the_end(kingbird.accepted(each))
        assert answer.status_code == 200, (each, answer.text)
    gate = threading.Event()
    with glances["RegionTwo"].broken(hold(gate), lambda call: call.method == "POST"):
        job_id = kingbird.accepted(sync(demo.make("RegionOne", b"data")["id"], target=regions))
        assert kingbird.call("POST", f"/{job_id}/cancel").status_code == 202
        gate.set()
        answer = kingbird.delete_at_the_end(job_id)
    assert answer.status_code == 200, answer.text


def test_in_sync_with_the_same_data(demo: Person, api: API) -> None:
    image = demo.make("RegionOne", b"data")
    demo.make("RegionTwo", b"data", id=image["id"], name=image["name"])
    assert api(demo).run(sync(image["id"])).outcome == (SUCCESS, "in_sync")


def test_drift_names_the_fields(demo: Person, api: API) -> None:
    image = demo.make("RegionOne", os_distro="plan9", min_ram=1, tags=["a"])
    assert api(demo).run(sync(image["id"])).status == SUCCESS
    changes: list[dict[str, Any]] = [
        {"op": "replace", "path": "/min_ram", "value": 2},
        {"op": "replace", "path": "/os_distro", "value": "inferno"},
        {"op": "replace", "path": "/tags", "value": ["b"]},
    ]
    changed = demo.images("RegionTwo").update(image["id"], changes)
    job = api(demo).run(sync(image["id"]))
    assert job.status == FAILURE
    assert job.outcome == (FAILURE, "drift")
    for name in ("min_ram", "os_distro", "tags"):
        assert name in job.only["message"]
    assert "min_disk" not in job.only["message"]
    assert demo.see("RegionTwo", image["id"]) == changed


class TestSquatter:
    """Another project made an image with the same id first."""

    def test_seen_by_a_member(self, demo: Person, other: Person, api: API) -> None:
        image = demo.make("RegionOne", b"mine")
        squatter = other.make("RegionTwo", b"theirs", id=image["id"], visibility="community")
        job = api(demo).run(sync(image["id"]))
        assert job.outcome == (FAILURE, "owner_conflict")
        assert other.see("RegionTwo", image["id"]) == squatter

    def test_not_seen_by_a_member(self, demo: Person, other: Person, api: API) -> None:
        image = demo.make("RegionOne")
        squatter = other.make("RegionTwo", id=image["id"], visibility="private")
        assert api(demo).run(sync(image["id"])).outcome == (SKIPPED, "id_taken")
        assert other.see("RegionTwo", image["id"]) == squatter

    def test_seen_by_an_admin(self, admin: Person, demo: Person, other: Person, api: API) -> None:
        image = demo.make("RegionOne", visibility="private", os_distro="plan9")
        squatter = other.make("RegionTwo", id=image["id"], visibility="private")
        assert api(admin).run(sync(image["id"])).outcome == (FAILURE, "owner_conflict")
        assert other.see("RegionTwo", image["id"]) == squatter

    def test_with_our_provenance_on_it(self, demo: Person, other: Person, api: API) -> None:
        image = demo.make("RegionOne", name="n")
        marks = {
            "kingbird_source_region": "RegionOne",
            "kingbird_source_id": image["id"],
        }
        record = {"id": image["id"], "name": "n", "visibility": "community", **marks}
        squatter = other.images("RegionTwo").create(record)
        assert api(demo).run(sync(image["id"])).outcome == (FAILURE, "owner_conflict")
        assert other.see("RegionTwo", image["id"]) == squatter

    def test_is_no_source(self, demo: Person, other: Person, api: API) -> None:
        image = demo.make("RegionOne", name="mine", visibility="community")
        other.make("RegionTwo", b"theirs", id=image["id"], name="theirs", visibility="community")
        wanted = sync(image["id"], source=["RegionTwo", "RegionOne"], target="RegionThree")
        assert api(demo).run(wanted).outcome == (SUCCESS, "created")
        record = demo.see("RegionThree", image["id"])
        assert (record["name"], record["owner"]) == ("mine", demo.project_id)
        assert record["kingbird_source_region"] == "RegionOne"

    def test_is_passed_by_with_force(self, demo: Person, other: Person, api: API) -> None:
        image = demo.make("RegionOne")
        squatter = other.make("RegionTwo", id=image["id"], visibility="community")
        job = api(demo).run(sync(image["id"], force=True))
        assert job.outcome == (SUCCESS, "created")
        assert demo.see("RegionTwo", job.only["target_resource"])["owner"] == demo.project_id
        assert other.see("RegionTwo", image["id"]) == squatter

    @pytest.mark.parametrize("visibility", ["community", "private"])
    def test_on_the_id_of_a_forced_copy(
        self, demo: Person, other: Person, api: API, visibility: str
    ) -> None:
        image = demo.make("RegionOne")
        taken = forced_id(image["id"], "RegionTwo", 1)
        squatter = other.make("RegionTwo", id=taken, visibility=visibility)
        first = api(demo).run(sync(image["id"], force=True))
        again = api(demo).run(sync(image["id"], force=True))
        assert first.outcome == (SUCCESS, "created")
        assert again.status == SUCCESS
        copy = forced_id(image["id"], "RegionTwo", 2)
        assert first.only["target_resource"] == again.only["target_resource"] == copy
        assert other.see("RegionTwo", taken) == squatter


def test_a_forced_copy_that_was_deleted_gets_the_next_id(demo: Person, api: API) -> None:
    image = demo.make("RegionOne")
    first = api(demo).run(sync(image["id"], force=True)).only["target_resource"]
    demo.delete("RegionTwo", first)
    job = api(demo).run(sync(image["id"], force=True))
    assert job.outcome == (SUCCESS, "created")
    second = job.only["target_resource"]
    assert second not in (first, image["id"])
    again = api(demo).run(sync(image["id"], force=True))
    assert (again.status, again.only["target_resource"]) == (SUCCESS, second)


def test_data_conflict(demo: Person, api: API) -> None:
    image = demo.make("RegionOne", b"one")
    there = demo.make("RegionTwo", b"two", id=image["id"], name=image["name"])
    assert api(demo).run(sync(image["id"])).outcome == (FAILURE, "data_conflict")
    assert demo.see("RegionTwo", image["id"]) == there
    assert api(demo).run(sync(image["id"], force=True)).outcome == (SUCCESS, "created")


@pytest.mark.parametrize(
    ("name", "reason"), [("admin", "deleted_in_target"), ("demo", "id_taken")]
)
def test_a_deleted_id(
    name: str,
    reason: str,
    person: Callable[..., Person],
    api: API,
    glances: dict[str, Proxy],
) -> None:
    who = person(name)
    image = who.make("RegionOne")
    who.make("RegionTwo", id=image["id"])
    who.delete("RegionTwo", image["id"])
    with glances["RegionTwo"].recording() as calls:
        job = api(who).run(sync(image["id"]))
        assert (job.status, *job.outcome) == (SUCCESS, SKIPPED, reason)
        assert api(who).run(sync(image["id"])).outcome == (SKIPPED, reason)
    # The second job knows the outcome and sends no create.
    assert len(posts(calls)) == 1
    forced = api(who).run(sync(image["id"], force=True))
    assert forced.outcome == (SUCCESS, "created")
    assert forced.only["target_resource"] != image["id"]


def test_forbidden(admin: Person, demo: Person, api: API) -> None:
    # An admin has published the member's own image, which a member cannot do.
    image = admin.make("RegionOne", owner=demo.project_id, visibility="public")
    job = api(demo).run(sync(image["id"]))
    assert (job.status, *job.outcome) == (FAILURE, FAILURE, "forbidden")
    assert "publicize_image" in job.only["message"]
    assert "<" not in job.only["message"]


def test_quota(demo: Person, api: API) -> None:
    image = demo.make("RegionOne", tags=[f"tag{n}" for n in range(TAG_QUOTA + 1)])
    job = api(demo).run(sync(image["id"], target="RegionThree"))
    assert job.outcome == (FAILURE, "quota")
    assert f"Maximum: {TAG_QUOTA}" in job.only["message"]
    assert demo.images("RegionThree").get(image["id"]) is None


def test_region_unavailable(demo: Person, api: API, cloud: Any) -> None:
    images = [demo.make("RegionOne") for _ in range(12)]
    cloud.stop("glance-RegionThree")
    try:
        wanted = sync(*(each["id"] for each in images), target=["RegionThree", "RegionTwo"])
        job = api(demo).run(wanted)
    finally:
        cloud.start("glance-RegionThree")
    assert job.status == FAILURE
    for image in images:
        away = job.item(image["id"], "RegionThree")
        assert (away["sync_status"], away["reason"]) == (FAILURE, "region_unavailable")
        assert job.item(image["id"], "RegionTwo")["sync_status"] == SUCCESS
    # The same request copies the rest when the region is available again.
    job = api(demo).run(wanted)
    assert job.status == SUCCESS
    for image in images:
        assert job.item(image["id"], "RegionThree")["reason"] == "created"
        assert job.item(image["id"], "RegionTwo")["reason"] == "in_sync"


def test_source_gone(demo: Person, api: API, glances: dict[str, Proxy]) -> None:
    image = demo.make("RegionOne")
    seen: list[Call] = []

    def delete_before_the_second_look(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        seen.append(call)
        if len(seen) == 2:
            demo.delete("RegionOne", image["id"])
        return forward(call)

    def about_it(call: Call) -> bool:
        return image["id"] in call.query.get("id", "")

    with glances["RegionOne"].broken(delete_before_the_second_look, about_it):
        job = api(demo).run(sync(image["id"]))
    assert (job.status, *job.outcome) == (FAILURE, FAILURE, "source_gone")
    assert demo.images("RegionTwo").get(image["id"]) is None


def test_region_bound(demo: Person, api: API, glances: dict[str, Proxy]) -> None:
    # Nova makes such an image of a server that boots from a volume.
    mapping = f'[{{"snapshot_id": "{uuid.uuid4()}", "boot_index": 0}}]'
    image = demo.make("RegionOne", block_device_mapping=mapping, bdm_v2="True")
    with glances["RegionTwo"].recording() as calls:
        job = api(demo).run(sync(image["id"]))
    assert (job.status, *job.outcome) == (SUCCESS, SKIPPED, "region_bound")
    assert not posts(calls)


class TestImagesOfOthers:
    @pytest.mark.parametrize("visibility", ["public", "community"])
    def test_not_owner(self, demo: Person, admin: Person, api: API, visibility: str) -> None:
        image = admin.make("RegionOne", visibility=visibility)
        assert api(demo).run(sync(image["id"])).outcome == (FAILURE, "not_owner")
        assert admin.images("RegionTwo").get(image["id"]) is None

    def test_a_share(self, demo: Person, other: Person, api: API) -> None:
        image = other.make("RegionOne")
        other.share("RegionOne", image["id"], demo.project_id)
        assert api(demo).run(sync(image["id"])).outcome == (FAILURE, "not_owner")

    def test_force_makes_a_private_copy(self, demo: Person, other: Person, api: API) -> None:
        image = other.make("RegionOne", b"data", visibility="community", tags=["a"])
        first = api(demo).run(sync(image["id"], force=True))
        again = api(demo).run(sync(image["id"], force=True))
        assert first.outcome == (SUCCESS, "created")
        assert again.outcome == (SUCCESS, "no_data")
        assert first.only["target_resource"] == again.only["target_resource"] != image["id"]
        record = demo.see("RegionTwo", first.only["target_resource"])
        assert (record["owner"], record["visibility"]) == (demo.project_id, "private")
        assert (record["name"], record["tags"]) == (image["name"], ["a"])
        assert record["kingbird_source_id"] == image["id"]


def test_dependency_failed(demo: Person, api: API) -> None:
    trio = ami_trio(demo)
    kernel = trio["kernel_id"]["id"]
    demo.make("RegionTwo", id=kernel)
    demo.delete("RegionTwo", kernel)
    job = api(demo).run(sync(trio["ami"]["id"]))
    assert job.status == FAILURE
    assert job.item(kernel)["reason"] == "id_taken"
    assert job.item(trio["ramdisk_id"]["id"])["reason"] == "created"
    item = job.item(trio["ami"]["id"])
    assert (item["sync_status"], item["reason"]) == (FAILURE, "dependency_failed")
    assert kernel in item["message"]
    assert demo.images("RegionTwo").get(trio["ami"]["id"]) is None


def test_source_and_target_overlap(demo: Person, api: API) -> None:
    image = demo.make("RegionTwo")
    job = api(demo).run(
        sync(image["id"], source=["RegionOne", "RegionTwo"], target=["RegionTwo", "RegionThree"])
    )
    assert job.status == SUCCESS
    assert job.item(image["id"], "RegionTwo")["reason"] == "in_sync"
    assert job.item(image["id"], "RegionThree")["reason"] == "created"
    assert demo.see("RegionThree", image["id"])["kingbird_source_region"] == "RegionTwo"
