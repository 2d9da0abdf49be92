"""Which image is meant: one of several owners, the newest one, or one of the same name."""

import time
from collections.abc import Callable

import pytest

from kingbird.tests.functional.kingbird_api import (
    FAILURE,
    PLANNED,
    SKIPPED,
    SUCCESS,
    KingbirdAPI,
    sync,
    wildcard,
)
from kingbird.tests.functional.people import RAW, Person, unique
from kingbird.tests.functional.proxy import Proxy, refuse

API = Callable[[Person], KingbirdAPI]


@pytest.mark.parametrize("wildcard", [False, True])
def test_the_owner_of_the_oldest_copy_has_the_id(
    newcomer: Person, demo: Person, admin: Person, api: API, wildcard: bool
) -> None:
    name = unique()
    first = newcomer.make("RegionOne", name=name, visibility="community", **RAW)
    # Glance shows whole seconds.
    time.sleep(1.1)
    demo.make("RegionTwo", b"later", id=first["id"], name=name, visibility="community")
    wanted = sync(first["id"], source=["RegionTwo", "RegionOne"], target="RegionThree")
    if wildcard:
        wanted |= {"resources": ["*"], "all_projects": True, "filters": {"name": name}}
    job = api(admin).run(wanted)
    assert job.only["reason"] == ("owner_conflict" if wildcard else "created")
    copy = admin.images("RegionThree").get(first["id"])
    assert (copy and copy["owner"]) == (None if wildcard else newcomer.project_id)


def test_no_copy_is_set_back_while_its_source_is_away(
    newcomer: Person, api: API, glances: dict[str, Proxy]
) -> None:
    image = newcomer.make("RegionOne", b"data", visibility="community")
    wanted = wildcard(source=["RegionOne", "*"], on_drift="update")
    assert api(newcomer).run(wanted).status == SUCCESS
    newcomer.upload("RegionTwo", image["id"], b"data")
    private = [{"op": "replace", "path": "/visibility", "value": "private"}]
    for region in ("RegionOne", "RegionThree"):
        newcomer.images(region).update(image["id"], private)
    by_id = sync(image["id"], source="*", target="RegionThree", on_drift="update")
    with glances["RegionOne"].broken(refuse):
        jobs = [api(newcomer).run(one) for one in (wanted, by_id)]
    for job in jobs:
        item = job.item(image["id"], "RegionThree")
        assert (item["sync_status"], item["reason"]) == (FAILURE, "region_unavailable")
        assert "RegionOne" in item["message"]
        assert "RegionTwo" in item["message"]
    assert newcomer.see("RegionThree", image["id"])["visibility"] == "private"
    assert api(newcomer).run(wanted).reasons == {(image["id"], "RegionTwo"): "updated"}


def test_names_are_not_doubled(newcomer: Person, api: API) -> None:
    name = f'{unique()}, "quoted" \N{SNOWMAN}'
    one, two = (newcomer.make(region, b"data", name=name) for region in ("RegionOne", "RegionTwo"))
    dry = api(newcomer).run(wildcard(dry_run=True))
    assert dry.outcomes == {"same_name": 3, "missing": 1, "in_sync": 2}
    assert {item["sync_status"] for item in dry.items} == {PLANNED}
    assert two["id"] in dry.item(one["id"], "RegionTwo")["message"]
    for run in range(2):
        job = api(newcomer).run(wildcard(same_name="skip"))
        assert job.status == SUCCESS
        made = {"no_data": 1} if run else {"created": 1}
        assert job.outcomes == {**made, "same_name": 3, "in_sync": 2}
        skipped = job.item(one["id"], "RegionTwo")
        assert (skipped["sync_status"], skipped["target_resource"]) == (SKIPPED, two["id"])
    job = api(newcomer).run(wildcard())
    assert job.outcomes == {"created": 3, "in_sync": 2, "no_data": 1}
    assert all("same_name" in item["message"] for item in job.items)
