"""Wildcard jobs beside images by id, other jobs and odd ids."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from keystoneauth1.exceptions import NotFound

from kingbird.sync.image import forced_id
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync, wildcard
from kingbird.tests.functional.list_calls import recording
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.proxy import Proxy
from kingbird.tests.functional.snapshots import check_copy, owned_by, snapshot
from kingbird.tests.functional.wildcard_expected import REGIONS

API = Callable[[Person], KingbirdAPI]

ONE_WAY = {"source": "RegionOne", "target": ["RegionTwo"]}
#: Records without data suffice and are made faster.
QUEUED = {"filters": {"status": "queued"}}


@pytest.mark.parametrize("named_first", [True, False])
def test_the_first_of_two_sets_counts(newcomer: Person, api: API, named_first: bool) -> None:
    named, other = newcomer.make("RegionOne"), newcomer.make("RegionOne")
    sets = [sync(named["id"], force=True), wildcard(**ONE_WAY, **QUEUED)]
    job = api(newcomer).run(*(sets if named_first else reversed(sets)))
    assert job.status == SUCCESS
    assert job.reasons == {(one["id"], "RegionTwo"): "created" for one in (named, other)}
    copy = forced_id(named["id"], "RegionTwo", 1) if named_first else named["id"]
    assert job.item(named["id"])["target_resource"] == copy
    assert job.item(named["id"])["message"].endswith("the first one counts")
    assert job.item(other["id"])["message"] is None
    assert job.item(other["id"])["target_resource"] == other["id"]
    there = owned_by(newcomer.project_id, snapshot(newcomer, ["RegionTwo"]))
    assert there["RegionTwo"].keys() == {copy, other["id"]}


def test_a_forced_copy_follows(newcomer: Person, api: API, glances: dict[str, Proxy]) -> None:
    image = newcomer.make("RegionOne", tags=["a"])
    forced = api(newcomer).run(sync(image["id"], force=True)).only["target_resource"]
    name = [{"op": "replace", "path": "/name", "value": "new"}]
    newcomer.images("RegionOne").update(image["id"], name)
    with recording(glances) as calls:
        job = api(newcomer).run(wildcard(**ONE_WAY, **QUEUED, on_drift="update", prune=True))
    assert job.outcome == (SUCCESS, "updated")
    assert job.only["target_resource"] == forced
    assert calls.all_writes == ["RegionTwo: PATCH /v2/images/ID"]
    check_copy(
        newcomer.see("RegionOne", image["id"]), "RegionOne", newcomer.see("RegionTwo", forced)
    )
    with recording(glances) as calls:
        job = api(newcomer).run(wildcard(**ONE_WAY, **QUEUED, on_drift="update", prune=True))
    assert job.outcomes == {"in_sync": 1}
    assert not calls.all_writes


def test_two_jobs_at_once(newcomer: Person, api: API) -> None:
    images = {newcomer.make(REGIONS[n % 3], tags=["a"])["id"] for n in range(12)}
    jobs = [api(newcomer).accepted(wildcard(**QUEUED)) for _ in range(3)]
    ended = [api(newcomer).wait(job_id) for job_id in jobs]
    assert {job.status for job in ended} == {SUCCESS}
    assert {reason for job in ended for reason in job.outcomes} <= {"created", "in_sync"}
    for there in owned_by(newcomer.project_id, snapshot(newcomer, REGIONS)).values():
        assert there.keys() == images


class TestUpperCase:
    """Glance keeps the case of an id, so its list may be out of order."""

    @pytest.fixture
    def image_id(self, newcomer: Person) -> Iterator[str]:
        # In ASCII a capital letter sorts after digits and before small letters.
        image_id = f"F{str(uuid.uuid4())[1:].upper()}"
        newcomer.make("RegionOne", id=image_id, name="upper")
        yield image_id
        # Other tests count calls and need ordered lists.
        for region in REGIONS:
            for name in (image_id, image_id.lower()):
                with suppress(NotFound):
                    newcomer.delete(region, name)

    def test_is_synced_once(
        self, image_id: str, newcomer: Person, api: API, glances: dict[str, Proxy]
    ) -> None:
        lower = {newcomer.make("RegionOne")["id"] for _ in range(6)}
        lower |= {newcomer.make("RegionTwo")["id"] for _ in range(6)}
        job = api(newcomer).run(wildcard(**QUEUED))
        assert job.status == SUCCESS, job
        assert job.outcomes == {"created": 26, "in_sync": 13}
        with recording(glances) as calls:
            job = api(newcomer).run(wildcard(**QUEUED))
        assert job.outcomes == {"in_sync": 39}
        assert not calls.all_writes
        for there in owned_by(newcomer.project_id, snapshot(newcomer, REGIONS)).values():
            assert {name.lower() for name in there} == lower | {image_id.lower()}
            assert len(there) == len(lower) + 1
