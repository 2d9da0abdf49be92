"""Options of a wildcard set: dry runs, force and members."""

from collections.abc import Callable
from typing import Any

import pytest

from kingbird.sync.image import forced_id
from kingbird.tests.functional.kingbird_api import (
    FAILURE,
    PLANNED,
    SKIPPED,
    SUCCESS,
    KingbirdAPI,
    wildcard,
)
from kingbird.tests.functional.list_calls import BY_IDS, lists_of_a_walk, recording
from kingbird.tests.functional.people import RAW, Image, Person
from kingbird.tests.functional.proxy import Proxy
from kingbird.tests.functional.snapshots import check_copy, owned_by, snapshot
from kingbird.tests.functional.test_records import ami_trio
from kingbird.tests.functional.wildcard_expected import REGIONS

API = Callable[[Person], KingbirdAPI]

ONE_WAY = {"source": "RegionOne", "target": ["RegionTwo"]}
#: Pages of visible and of hidden images in two regions.
PAGES = 4


def with_tombstone(who: Person, **fields: Any) -> Image:
    """Make an image in RegionOne whose id has a tombstone in RegionTwo."""
    image = who.make("RegionOne", b"data", **fields)
    who.make("RegionTwo", id=image["id"])
    who.delete("RegionTwo", image["id"])
    return image


class TestDryRun:
    def test_shows_what_would_be_done(
        self, newcomer: Person, demo: Person, admin: Person, api: API, glances: dict[str, Proxy]
    ) -> None:
        same = newcomer.make("RegionOne", b"same")
        newcomer.make("RegionTwo", b"same", id=same["id"], name=same["name"])
        new, shared = newcomer.make("RegionOne", b"new"), newcomer.make("RegionOne", b"new")
        newcomer.share("RegionOne", shared["id"], demo.project_id)
        drifted = newcomer.make("RegionOne", b"same", os_distro="plan9", tags=["a"])
        newcomer.make("RegionTwo", id=drifted["id"], name=drifted["name"], **RAW)
        owned = newcomer.make("RegionOne", b"same", visibility="community")
        demo.make("RegionTwo", id=owned["id"], visibility="community")
        data = newcomer.make("RegionOne", b"one")
        newcomer.make("RegionTwo", b"two", id=data["id"])
        deleted = with_tombstone(newcomer)
        trio = ami_trio(newcomer)
        missing = [new, shared, deleted, *trio.values()]
        planned = {
            **{image["id"]: ("missing", "create") for image in missing},
            owned["id"]: ("owner_conflict", "none"),
            data["id"]: ("data_conflict", "none"),
        }
        before = snapshot(admin, REGIONS)
        for more, action in (({}, "none"), ({"on_drift": "update"}, "update")):
            with recording(glances) as calls:
                job = api(newcomer).run(wildcard(**ONE_WAY, **more, dry_run=True))
            assert job.status == SUCCESS
            assert job.overview["dry_run"] is True
            expected = {**planned, drifted["id"]: ("drift", action)}
            assert {
                item["resource"]: (item["reason"], item["action"]) for item in job.items
            } == expected
            assert {item["sync_status"] for item in job.items} == {PLANNED}
            assert "os_distro, tags" in job.item(drifted["id"])["message"]
            assert "RegionOne" in job.item(new["id"])["message"]
            assert job.outcomes["in_sync"] == 1
            assert not calls.all_writes
        assert snapshot(admin, REGIONS) == before

        # The job does what the dry run planned.  A later dry run uses the new knowledge.
        done = api(newcomer).run(wildcard(**ONE_WAY, on_drift="update"))
        made = {name for name, (_, action) in planned.items() if action == "create"}
        assert done.reasons == {
            **{(name, "RegionTwo"): "created" for name in made},
            (deleted["id"], "RegionTwo"): "id_taken",
            (drifted["id"], "RegionTwo"): "updated",
            (owned["id"], "RegionTwo"): "owner_conflict",
            (data["id"], "RegionTwo"): "data_conflict",
        }
        item = api(newcomer).run(wildcard(**ONE_WAY, dry_run=True)).item(deleted["id"])
        assert (item["sync_status"], item["reason"]) == (PLANNED, "id_taken")

    def test_tells_the_id_of_a_forced_copy(
        self, newcomer: Person, demo: Person, api: API, glances: dict[str, Proxy]
    ) -> None:
        image = newcomer.make("RegionOne", b"mine")
        demo.make("RegionTwo", id=image["id"], visibility="community")
        with recording(glances) as calls:
            job = api(newcomer).run(wildcard(**ONE_WAY, force=True, dry_run=True))
        assert job.outcome == (PLANNED, "missing")
        assert job.only["target_resource"] == forced_id(image["id"], "RegionTwo", 1)
        assert not calls.all_writes


class TestForce:
    """A forced wildcard gives another id only to images whose own id is unusable."""

    def test_where_the_own_id_cannot_be_used(
        self, newcomer: Person, demo: Person, api: API, glances: dict[str, Proxy]
    ) -> None:
        moved = []
        for hidden in (False, True):
            deleted = with_tombstone(newcomer, os_hidden=hidden)
            owned = newcomer.make("RegionOne", b"mine", visibility="community", os_hidden=hidden)
            demo.make("RegionTwo", b"theirs", id=owned["id"], visibility="community")
            invisible = newcomer.make("RegionOne", b"mine", os_hidden=hidden)
            demo.make("RegionTwo", id=invisible["id"], visibility="private")
            data = newcomer.make("RegionOne", b"one", os_hidden=hidden)
            newcomer.make("RegionTwo", b"two", id=data["id"], name=data["name"])
            moved += [deleted, owned, invisible, data]
        fine, there = (newcomer.make("RegionOne", b"data") for _ in range(2))
        newcomer.make("RegionTwo", b"data", id=there["id"], name=there["name"])

        job = api(newcomer).run(wildcard(**ONE_WAY, force=True))
        assert job.status == SUCCESS
        assert job.outcomes == {"created": len(moved) + 1, "in_sync": 1}
        ids = {image["id"]: forced_id(image["id"], "RegionTwo", 1) for image in moved}
        assert {item["resource"]: item["target_resource"] for item in job.items} == {
            **ids,
            fine["id"]: fine["id"],
        }
        for image in moved:
            copy = newcomer.see("RegionTwo", ids[image["id"]])
            assert copy["kingbird_forced"] == "true"
            check_copy(image, "RegionOne", copy)

        # A repeated job recognises forced copies, with or without force.  They are not selected as
        # images.
        before = owned_by(newcomer.project_id, snapshot(newcomer, REGIONS))
        for options in ({"force": True}, {}):
            with recording(glances) as calls:
                job = api(newcomer).run(wildcard(**ONE_WAY, **options))
            assert job.status == SUCCESS
            assert job.outcomes == {"in_sync": 1, "no_data": len(moved) + 1}
            assert not calls.all_writes
            counts = calls.counts("RegionTwo")
            # Nobody the user sees has the ids of the images there: neither visible nor hidden.
            # Both are asked for once in each stretch of ids between the ends of two pages.
            assert 2 <= counts.pop(BY_IDS) <= 2 * PAGES
            assert counts == lists_of_a_walk(newcomer, "RegionTwo")
        assert owned_by(newcomer.project_id, snapshot(newcomer, REGIONS)) == before

    def test_forced_copies_are_no_sources(
        self, newcomer: Person, api: API, glances: dict[str, Proxy]
    ) -> None:
        image = with_tombstone(newcomer)
        copy = forced_id(image["id"], "RegionTwo", 1)
        job = api(newcomer).run(wildcard(**ONE_WAY, force=True))
        assert job.only["target_resource"] == copy
        newcomer.upload("RegionTwo", copy, b"data")
        for _ in range(2):
            job = api(newcomer).run(wildcard(force=True))
            assert job.status == SUCCESS
            assert copy not in {item["resource"] for item in job.items}
        assert job.outcomes == {"in_sync": 2, "no_data": 1}
        for region in ("RegionOne", "RegionThree"):
            assert newcomer.images(region).get(copy) is None
        assert newcomer.see("RegionThree", image["id"])["name"] == image["name"]

    def test_references_follow(self, newcomer: Person, api: API) -> None:
        trio = ami_trio(newcomer)
        kernel = trio["kernel_id"]["id"]
        newcomer.make("RegionTwo", id=kernel)
        newcomer.delete("RegionTwo", kernel)
        # Without force the AMI cannot be copied, because its kernel cannot.
        job = api(newcomer).run(wildcard(**ONE_WAY))
        assert (job.item(kernel)["reason"], job.item(kernel)["sync_status"]) == (
            "id_taken",
            SKIPPED,
        )
        assert job.item(trio["ami"]["id"])["reason"] == "dependency_failed"
        assert job.status == FAILURE
        job = api(newcomer).run(wildcard(**ONE_WAY, force=True))
        assert job.status == SUCCESS
        ami = newcomer.see("RegionTwo", trio["ami"]["id"])
        assert ami["kernel_id"] == forced_id(kernel, "RegionTwo", 1)
        assert ami["ramdisk_id"] == trio["ramdisk_id"]["id"]
        # The changed reference does not count as drift.
        job = api(newcomer).run(wildcard(**ONE_WAY))
        assert job.outcomes == {"no_data": 3}, job.items


class TestMembers:
    """A sync copies the members of an image.  Only an admin can set their status."""

    @pytest.fixture
    def image(self, newcomer: Person, demo: Person, other: Person, admin: Person) -> Image:
        image = newcomer.make("RegionOne", b"data")
        for who, status in ((demo, "accepted"), (other, "rejected"), (admin, None)):
            newcomer.share("RegionOne", image["id"], who.project_id)
            if status:
                who.answer_share("RegionOne", image["id"], status)
        return image

    def test_an_admin_copies_statuses(
        self, image: Image, newcomer: Person, admin: Person, api: API
    ) -> None:
        wanted = wildcard(filters={"owner": newcomer.project_id}, all_projects=True)
        job = api(admin).run(wanted)
        assert job.outcomes == {"created": 2, "in_sync": 1}
        members = newcomer.members("RegionOne", image["id"])
        assert sorted(members.values()) == ["accepted", "pending", "rejected"]
        for region in ("RegionTwo", "RegionThree"):
            assert newcomer.members(region, image["id"]) == members
            assert job.item(image["id"], region)["message"] is None

    def test_a_member_gets_a_reason(
        self, image: Image, newcomer: Person, demo: Person, other: Person, api: API
    ) -> None:
        job = api(newcomer).run(wildcard(**ONE_WAY))
        assert job.outcome == (SUCCESS, "created")
        members = newcomer.members("RegionOne", image["id"])
        assert newcomer.members("RegionTwo", image["id"]) == dict.fromkeys(members, "pending")
        message = job.only["message"]
        assert f"{demo.project_id} (accepted)" in message
        assert f"{other.project_id} (rejected)" in message
        # The members can accept the shares there.
        demo.answer_share("RegionTwo", image["id"], "accepted")

    def test_copies_follow_the_members_of_their_source(
        self, image: Image, newcomer: Person, demo: Person, other: Person, admin: Person, api: API
    ) -> None:
        assert api(newcomer).run(wildcard(**ONE_WAY)).outcomes == {"created": 1}
        demo.answer_share("RegionTwo", image["id"], "rejected")
        newcomer.images("RegionOne").remove_member(image["id"], admin.project_id)
        newcomer.share("RegionOne", image["id"], "new")

        follow = {**ONE_WAY, "members": "exact"}
        job = api(newcomer).run(wildcard(**follow))
        assert job.outcome == (FAILURE, "drift")
        assert job.only["message"] == "Differs from the image in RegionOne in: members"
        (stated,) = api(newcomer).call("GET", "-state?state=drift").json()["images"]
        assert stated["cells"]["RegionTwo"]["fields"] == {
            "members": {"source": "new", "target": admin.project_id}
        }
        follow["on_drift"] = "update"
        job = api(newcomer).run(wildcard(**follow, dry_run=True))
        assert "members that would be added: new" in job.only["message"]
        before = newcomer.see("RegionTwo", image["id"])
        job = api(newcomer).run(wildcard(**{**follow, "members": "add"}))
        assert job.only["message"] == "Members added: new"
        job = api(newcomer).run(wildcard(**follow))
        assert job.outcome == (SUCCESS, "updated")
        assert job.only["message"] == f"Members removed: {admin.project_id}"
        # The answers of the members are theirs.
        assert newcomer.members("RegionTwo", image["id"]) == {
            demo.project_id: "rejected",
            other.project_id: "pending",
            "new": "pending",
        }
        assert newcomer.see("RegionTwo", image["id"]) == before
        assert api(newcomer).run(wildcard(**follow)).outcomes == {"no_data": 1}
