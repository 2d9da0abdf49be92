"""All images of all regions to all regions, on real Glances.

The tests share one scene.  The expected result is computed from the state at the start of each
test.
"""

import uuid
from collections import Counter
from collections.abc import Callable

import pytest

from kingbird.tests.functional.kingbird_api import (
    FAILURE,
    PLANNED,
    SKIPPED,
    SUCCESS,
    Job,
    KingbirdAPI,
    wildcard,
)
from kingbird.tests.functional.list_calls import lists_of_a_walk, recording
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.proxy import Proxy
from kingbird.tests.functional.snapshots import Snapshot, changed, check_copy, snapshot
from kingbird.tests.functional.wildcard_expected import (
    CREATED,
    DATA_CONFLICT,
    DELETED,
    DRIFT,
    FORBIDDEN,
    ID_TAKEN,
    OWNER_CONFLICT,
    REGION_BOUND,
    REGIONS,
    Expected,
    created,
    items,
    outcomes,
)
from kingbird.tests.functional.wildcard_scene import WildcardScene

API = Callable[[Person], KingbirdAPI]

#: The states of items that did not fail.
STATES = {CREATED: SUCCESS, DELETED: SKIPPED, ID_TAKEN: SKIPPED, REGION_BOUND: SKIPPED}
#: Reasons of items for which a create is tried.
TRIED = {CREATED, DELETED, ID_TAKEN, FORBIDDEN}
SHARING = {"POST /v2/images/ID/members", "PUT /v2/images/ID/members/ID"}


@pytest.fixture(scope="module")
def member(person: Callable[..., Person]) -> Person:
    """Return a member of a project that has only the images of the scene."""
    return person("admin").with_new_project("demo")


@pytest.fixture(scope="module")
def mixed(person: Callable[..., Person], member: Person) -> WildcardScene:
    """Create images of every sort, in four projects."""
    owners = [person(name).project_id for name in ("demo", "other", "admin")]
    return WildcardScene(person("admin"), [*owners, member.project_id])


def check_items(job: Job, expected: Expected) -> None:
    """Compare the items of a job with the expected ones."""
    assert job.reasons == items(expected)
    assert job.outcomes == outcomes(expected)
    for item in job.items:
        source, reason = expected[item["resource"], item["target_region"]]
        assert item["source_region"] == source
        assert item["sync_status"] == STATES.get(reason, FAILURE), item
        assert item["action"] == ("create" if reason in TRIED else "none"), item


def check_copies(before: Snapshot, after: Snapshot, expected: Expected) -> None:
    """Check that exactly the expected records were made."""
    made = created(expected)
    assert changed(before, after) == made
    for region, image_ids in made.items():
        for image_id in image_ids:
            source = expected[image_id, region][0]
            check_copy(before[source][image_id], source, after[region][image_id])


def tried(expected: Expected, region: str) -> int:
    """Return the number of creates that are tried in a region."""
    pairs = [pair for pair, (_, reason) in expected.items() if reason in TRIED]
    return sum(target == region for _, target in pairs)


def test_a_member_syncs_a_project(
    mixed: WildcardScene, member: Person, admin: Person, api: API, glances: dict[str, Proxy]
) -> None:
    before, seen = snapshot(admin, REGIONS), snapshot(member, REGIONS)
    expected = mixed.expected(before, owner=member.project_id, seen=seen)
    assert {*items(expected).values()} > TRIED - {DELETED}

    job = api(member).run(wildcard())
    after = snapshot(admin, REGIONS)
    assert job.status == FAILURE
    check_items(job, expected)
    check_copies(before, after, expected)
    for region, image_ids in created(expected).items():
        # No other project's images were changed or made.
        assert {after[region][name]["owner"] for name in image_ids} == {member.project_id}
        for image_id in image_ids:
            members = mixed.members.get((expected[image_id, region][0], image_id))
            if members:
                assert member.members(region, image_id) == dict.fromkeys(members, "pending")
                message = job.item(image_id, region)["message"]
                for project, status in members.items():
                    assert (f"{project} ({status})" in message) is (status != "pending")

    # Only forbidden images remain, and the user may have the right by now.
    seen = snapshot(member, REGIONS)
    expected = mixed.expected(after, owner=member.project_id, seen=seen)
    with recording(glances) as calls:
        again = api(member).run(wildcard())
    assert again.reasons == items(expected)
    assert snapshot(admin, REGIONS) == after
    for region in REGIONS:
        forbidden = sum(
            (target, reason) == (region, FORBIDDEN)
            for (_, target), reason in again.reasons.items()
        )
        assert calls.writes(region) == ["POST /v2/images"] * forbidden
        lists = lists_of_a_walk(member, region)
        assert {name: calls.counts(region).get(name) for name in lists} == lists


def test_an_admin_syncs_all_projects(
    mixed: WildcardScene, admin: Person, api: API, glances: dict[str, Proxy]
) -> None:
    wanted = wildcard(all_projects=True, filters={"name_prefix": mixed.prefix})
    before = snapshot(admin, REGIONS)
    expected = mixed.expected(before)
    conflicts = {DRIFT, DATA_CONFLICT, OWNER_CONFLICT}
    assert {*items(expected).values()} == {CREATED, DELETED, REGION_BOUND} | conflicts
    with recording(glances) as calls:
        job = api(admin).run(wanted)
    after = snapshot(admin, REGIONS)
    assert job.status == FAILURE
    check_items(job, expected)
    check_copies(before, after, expected)
    for region, image_ids in created(expected).items():
        for image_id in image_ids:
            members = mixed.members.get((expected[image_id, region][0], image_id))
            assert not members or admin.members(region, image_id) == members
        writes = Counter(calls.writes(region))
        assert writes.pop("POST /v2/images") == tried(expected, region)
        assert set(writes) <= SHARING

    # If nothing remains to do, the job only lists the regions.
    with recording(glances) as calls:
        again = api(admin).run(wanted)
    expected = mixed.expected(after)
    assert CREATED not in outcomes(expected)
    check_again(again, expected)
    for region in REGIONS:
        assert calls.counts(region) == lists_of_a_walk(admin, region)
    assert snapshot(admin, REGIONS) == after


def check_again(job: Job, expected: Expected) -> None:
    """Check that a repeated job finds nothing to do and reports the expected items."""
    assert job.reasons == items(expected)
    assert job.outcomes == outcomes(expected)
    assert {item["action"] for item in job.items} == {"none"}


def test_an_admin_syncs_the_own_project_only(
    mixed: WildcardScene, admin: Person, api: API, glances: dict[str, Proxy]
) -> None:
    wanted = wildcard(filters={"name_prefix": mixed.prefix})
    expected = mixed.expected(snapshot(admin, REGIONS), owner=admin.project_id)
    # Jobs of earlier tests may write meanwhile.
    request_id = f"req-{uuid.uuid4()}"
    with recording(glances) as calls:
        job = api(admin).run(wanted, headers={"X-Openstack-Request-Id": request_id})
    assert job.outcomes == outcomes(expected)
    made = calls.of_request(request_id)
    assert all(made.values())
    # If the region of an id's other owner was filled faster, the job before left the id to them.
    assert {
        region: {call.json["id"] for call in some if call.writes} for region, some in made.items()
    } == created(expected)


def test_whatever_else_is_there(
    mixed: WildcardScene, admin: Person, api: API, glances: dict[str, Proxy]
) -> None:
    """Images that other tests left in the cloud make no plan fail."""
    before = snapshot(admin, REGIONS)
    with recording(glances) as calls:
        job = api(admin).run(wildcard(all_projects=True, dry_run=True))
    assert [item for item in job.items if item["sync_status"] != PLANNED] == []
    assert job.status == SUCCESS
    planned = {pair: reason for pair, reason in job.reasons.items() if pair[0] in mixed.ids}
    assert planned == items(mixed.expected(before), dry_run=True)
    # Forced copies are not selected as images.
    selected = {
        name
        for images in before.values()
        for name, image in images.items()
        if image["status"] == "active" and "kingbird_forced" not in image
    }
    assert sum(job.outcomes.values()) >= len(selected) * len(REGIONS)
    assert not calls.all_writes
    # Paging returns the same items.
    assert api(admin).show(job.id, limit=50)[0] == job.items
