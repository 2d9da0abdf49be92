"""Copies that are not as Kingbird would make them, on real Glances."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest

from kingbird.sync.image import forced_id
from kingbird.tests.functional.conftest import PROPERTY_QUOTA
from kingbird.tests.functional.glance_rows import set_status
from kingbird.tests.functional.kingbird_api import (
    FAILURE,
    SKIPPED,
    SUCCESS,
    KingbirdAPI,
    sync,
    wildcard,
)
from kingbird.tests.functional.people import Image, Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.proxy import Answer, Call, Cut, Proxy
from kingbird.tests.functional.test_records import PROVENANCE, copies_of

API = Callable[[Person], KingbirdAPI]


def only(image: Image, target: str, **options: Any) -> dict[str, Any]:
    """Return a wildcard set that selects one image of RegionOne."""
    filters = {"name": image["name"], "status": ["queued", "active"]}
    return wildcard(source="RegionOne", target=[target], filters=filters, **options)


@pytest.mark.parametrize("on_drift", ["report", "update"])
def test_a_copy_that_its_user_changed_before_the_answer(
    demo: Person, api: API, glances: dict[str, Proxy], on_drift: str
) -> None:
    image = demo.make("RegionOne", tags=["a"], visibility="shared")
    changes = [
        {"op": "replace", "path": "/name", "value": "mine"},
        {"op": "replace", "path": "/visibility", "value": "private"},
    ]

    def change_and_lose_the_answer(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        forward(call)
        demo.images("RegionTwo").update(image["id"], changes)
        raise Cut

    def creates(call: Call) -> bool:
        return call.method == "POST"

    region = glances["RegionTwo"]
    with region.recording() as calls, region.broken(change_and_lose_the_answer, creates, times=1):
        job = api(demo).run(sync(image["id"], on_drift=on_drift))
    record = demo.see("RegionTwo", image["id"])
    if on_drift == "report":
        assert job.outcome == (FAILURE, "drift")
        assert "name, visibility" in job.only["message"]
        assert (record["name"], record["visibility"]) == ("mine", "private")
        assert [call.method for call in calls if call.writes] == ["POST"]
    else:
        assert job.outcome == (SUCCESS, "updated")
        assert (record["name"], record["visibility"]) == (image["name"], "shared")


def test_an_image_that_was_killed(demo: Person, api: API, cloud: Any) -> None:
    image = demo.make("RegionOne", visibility="private")
    assert api(demo).run(sync(image["id"])).outcome == (SUCCESS, "created")
    changes = [{"op": "replace", "path": "/name", "value": "mine"}]
    demo.images("RegionTwo").update(image["id"], changes)
    set_status(cloud, "RegionTwo", image["id"], "killed")
    before = demo.see("RegionTwo", image["id"])
    for wanted in (sync(image["id"]), only(image, "RegionTwo", on_drift="update")):
        job = api(demo).run(wanted)
        assert job.outcome == (SKIPPED, "id_taken")
        # The second job knows the id's tombstone.
        assert "killed" in job.only["message"] or "can't be used" in job.only["message"]
        assert demo.see("RegionTwo", image["id"]) == before
    job = api(demo).run(only(image, "RegionTwo", force=True))
    assert job.outcome == (SUCCESS, "created")
    assert job.only["target_resource"] == forced_id(image["id"], "RegionTwo", 1)
    set_status(cloud, "RegionOne", image["id"], "killed")
    assert api(demo).post(sync(image["id"])).status_code == 404


#: Images by their number of properties, and the provenance that RegionThree has room for.
ROOM = {
    PROPERTY_QUOTA - 3: 3,
    PROPERTY_QUOTA - 2: 2,
    PROPERTY_QUOTA - 1: 0,
    PROPERTY_QUOTA: 0,
    PROPERTY_QUOTA + 1: None,
}


def test_provenance_gives_way_to_the_quota_of_one_region(demo: Person, api: API) -> None:
    images = {
        used: demo.make("RegionOne", b"data", **{f"p{n}": "x" for n in range(used)})
        for used in ROOM
    }
    wanted = [image["id"] for image in images.values()]
    job = api(demo).run(sync(*wanted, target=["RegionTwo", "RegionThree"]))
    again = api(demo).run(sync(*wanted, target="RegionThree"))
    for used, image in images.items():
        assert set(demo.see("RegionTwo", image["id"])) >= PROVENANCE
        item, later = (one.item(image["id"], "RegionThree") for one in (job, again))
        if ROOM[used] is None:
            assert (item["sync_status"], item["reason"]) == (FAILURE, "quota")
            assert f"Attempted: {used}, Maximum: {PROPERTY_QUOTA}" in item["message"]
            assert demo.images("RegionThree").get(image["id"]) is None
            continue
        assert (item["reason"], later["reason"]) == ("created", "no_data")
        record = demo.see("RegionThree", image["id"])
        assert len(PROVENANCE & set(record)) == ROOM[used]
        assert all(record[f"p{n}"] == "x" for n in range(used))


def imported(who: Person, image: Image, region: str) -> Image:
    """Let a Glance import the data of an image from RegionOne, and return the copy."""
    method = {
        "name": "glance-download",
        "glance_region": "RegionOne",
        "glance_image_id": image["id"],
    }
    who.glance(region, "POST", f"images/{image['id']}/import", json={"method": method})

    def arrived() -> Image | None:
        copy = who.see(region, image["id"])
        return copy if copy["status"] == "active" else None

    copy: Image = eventually("the data are imported", arrived, 60)
    return copy


@pytest.mark.parametrize("region", ["RegionTwo", "RegionThree"])
def test_data_that_a_glance_imports(demo: Person, api: API, region: str) -> None:
    """RegionThree decompresses them, and its copy is in sync all the same."""
    image = demo.make("RegionOne", gzip.compress(b"data" * 1000), visibility="private")
    assert api(demo).run(sync(image["id"], target=region)).outcome == (SUCCESS, "created")
    copy = imported(demo, image, region)
    converted = region == "RegionThree"
    assert (copy["os_hash_value"] != image["os_hash_value"]) is converted
    job = api(demo).run(sync(image["id"], target=region))
    assert job.outcome == (SUCCESS, "in_sync")
    assert ("converted" in (job.only["message"] or "")) is converted
    for options in ({}, {"force": True}, {"on_drift": "update", "prune": True}):
        job = api(demo).run(only(image, region, **options))
        assert (job.status, job.items, job.outcomes) == (SUCCESS, [], {"in_sync": 1})
    assert [one["id"] for one in copies_of(demo, region, image)] == [image["id"]]
    # The converted copy is the only source, and the original the target.
    back = sync(image["id"], source=region, target="RegionOne")
    assert api(demo).run(back).outcome == (SUCCESS, "in_sync")


def test_other_data_that_a_user_uploads_without_provenance(demo: Person, api: API) -> None:
    image = demo.make("RegionOne", b"data")
    assert api(demo).run(sync(image["id"])).outcome == (SUCCESS, "created")
    gone = [{"op": "remove", "path": "/kingbird_source_hash"}]
    demo.images("RegionTwo").update(image["id"], gone)
    demo.upload("RegionTwo", image["id"], b"other")
    assert api(demo).run(sync(image["id"])).outcome == (FAILURE, "data_conflict")


def test_a_members_forced_copy_beside_that_of_the_owner(
    demo: Person, other: Person, api: API
) -> None:
    image = other.make("RegionOne", visibility="community")
    first = api(other).run(sync(image["id"], force=True)).only
    assert first["target_resource"] == forced_id(image["id"], "RegionTwo", 1)
    for reason in ("created", "in_sync", "in_sync"):
        job = api(demo).run(sync(image["id"], force=True))
        assert job.outcome == (SUCCESS, reason)
        assert job.only["target_resource"] == forced_id(image["id"], "RegionTwo", 2)


def test_a_dry_run_and_a_sync_of_one_image(demo: Person, api: API) -> None:
    image = demo.make("RegionOne", b"data")
    for dry_run in (True, False):
        sets = [sync(image["id"], dry_run=dry_run), sync(image["id"], dry_run=not dry_run)]
        answer = api(demo).post(*sets)
        assert answer.status_code == 400
        assert "resource_set.Sync[1].dry_run" in answer.json()["error"]["message"]
    sets = [only(image, "RegionTwo", dry_run=True), sync(image["id"])]
    job = api(demo).run(*sets)
    assert job.outcome == ("PLANNED", "missing")
    assert job.only["message"].endswith("the first one counts")
    assert demo.images("RegionTwo").get(image["id"]) is None
    job = api(demo).run(*reversed(sets))
    assert job.outcome == (SUCCESS, "created")
    assert job.only["message"].endswith("the first one counts")
