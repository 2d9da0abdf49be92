"""Records: every copied field arrives, no other field does, and provenance is set."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Image, Person, unique

PROVENANCE = {"kingbird_source_region", "kingbird_source_id", "kingbird_source_hash"}
COPIED = (
    "name",
    "disk_format",
    "container_format",
    "min_disk",
    "min_ram",
    "visibility",
    "protected",
    "os_hidden",
)


def copies_of(who: Person, region: str, image: Image) -> list[Image]:
    """Return the images of a region whose provenance names an image."""
    found = who.glance(region, "GET", f"images?kingbird_source_id={image['id']}").json()
    images: list[Image] = found["images"]
    return images


def test_every_field_arrives(demo: Person, api: Callable[[Person], KingbirdAPI]) -> None:
    image = demo.make(
        "RegionOne",
        b"some data",
        visibility="community",
        protected=True,
        os_hidden=True,
        min_disk=3,
        min_ram=256,
        tags=["one", "two", ""],
        os_distro="plan9",
        hw_disk_bus="",
        owner_specified_key="v" * 1000,
        members="a property like any other",
        nonsense="\N{SNOWMAN} <&>'\"\\",
    )
    job = api(demo).run(sync(image["id"], target=["RegionTwo", "RegionThree"]))
    assert job.status == SUCCESS
    for region in ("RegionTwo", "RegionThree"):
        item = job.item(image["id"], region)
        assert (item["action"], item["reason"]) == ("create", "created")
        assert item["target_resource"] == image["id"]
        record = demo.see(region, image["id"])
        assert {name: record[name] for name in COPIED} == {name: image[name] for name in COPIED}
        assert sorted(record["tags"]) == sorted(image["tags"])
        for name in ("os_distro", "hw_disk_bus", "owner_specified_key", "members", "nonsense"):
            assert record[name] == image[name]
        assert record["owner"] == demo.project_id
        assert record["kingbird_source_region"] == "RegionOne"
        assert record["kingbird_source_id"] == image["id"]
        digest = hashlib.sha512(b"some data").hexdigest()
        assert record["kingbird_source_hash"] == f"sha512:{digest}"
        # No data, and no field that is derived from data.
        assert record["status"] == "queued"
        assert record["checksum"] is record["os_hash_value"] is record["size"] is None
        assert set(record) - PROVENANCE == set(image) - {"direct_url", "stores"}


@pytest.mark.parametrize("visibility", ["private", "shared"])
def test_visibility_and_empty_fields(
    demo: Person, api: Callable[[Person], KingbirdAPI], visibility: str
) -> None:
    image = demo.images("RegionOne").create({"visibility": visibility, "name": None})
    assert api(demo).run(sync(image["id"])).outcome == (SUCCESS, "created")
    record = demo.see("RegionTwo", image["id"])
    assert set(record) - set(image) == PROVENANCE - {"kingbird_source_hash"}
    assert {name: record[name] for name in COPIED} == {name: image[name] for name in COPIED}


def test_an_admin_keeps_owner_and_publicity(
    admin: Person, demo: Person, api: Callable[[Person], KingbirdAPI]
) -> None:
    private = demo.make("RegionOne", visibility="private")
    public = admin.make("RegionOne", visibility="public", owner=demo.project_id)
    nobodys = admin.make("RegionOne", visibility="public", owner=None)
    images = (private, public, nobodys)
    wanted = sync(*(image["id"] for image in images))
    for reason in ("created", "in_sync"):
        job = api(admin).run(wanted)
        assert {item["reason"] for item in job.items} == {reason}, job
    for image in images:
        record = demo.see("RegionTwo", image["id"])
        assert record["owner"] == image["owner"]
        assert record["visibility"] == image["visibility"]
    assert (public["owner"], nobodys["owner"]) == (demo.project_id, None)


def test_what_means_something_in_one_region_is_left_behind(
    demo: Person, api: Callable[[Person], KingbirdAPI]
) -> None:
    bound = {
        "instance_uuid": unique(),
        "cinder_encryption_key_id": unique(),
        "hw_ephemeral_encryption_secret_uuid": unique(),
        "root_device_name": "/dev/vda",
        "block_device_mapping": "[]",
    }
    image = demo.make("RegionOne", b"data", os_distro="plan9", **bound)
    assert api(demo).run(sync(image["id"])).status == SUCCESS
    record = demo.see("RegionTwo", image["id"])
    assert record["os_distro"] == "plan9"
    assert not set(record) & set(bound)


def test_a_copy_of_a_copy_keeps_the_first_provenance(
    demo: Person, api: Callable[[Person], KingbirdAPI]
) -> None:
    image = demo.make("RegionOne", b"data")
    assert api(demo).run(sync(image["id"])).status == SUCCESS
    job = api(demo).run(sync(image["id"], source="RegionTwo", target="RegionThree"))
    assert job.outcome == (SUCCESS, "created")
    record = demo.see("RegionThree", image["id"])
    assert record["kingbird_source_region"] == "RegionOne"
    assert record["kingbird_source_hash"].startswith("sha512:")


@pytest.mark.parametrize(("used", "left"), [(125, 3), (126, 2), (127, 0), (128, 0)])
def test_provenance_gives_way_to_the_quota(
    demo: Person, api: Callable[[Person], KingbirdAPI], used: int, left: int
) -> None:
    image = demo.make("RegionOne", b"data", **{f"p{n}": "x" for n in range(used)})
    assert api(demo).run(sync(image["id"])).outcome == (SUCCESS, "created")
    record = demo.see("RegionTwo", image["id"])
    assert len(PROVENANCE & set(record)) == left
    assert ("kingbird_source_hash" in record) is (left == 3)
    assert all(record[f"p{n}"] == "x" for n in range(used))


def ami_trio(who: Person) -> dict[str, Image]:
    """Make an AMI with the kernel and the ramdisk that it refers to."""
    made = {
        name: who.make("RegionOne", b"boot", disk_format=form, container_format=form)
        for name, form in (("kernel_id", "aki"), ("ramdisk_id", "ari"))
    }
    names = {name: image["id"] for name, image in made.items()}
    ami = {"disk_format": "ami", "container_format": "ami"}
    return {**made, "ami": who.make("RegionOne", b"root", **ami, **names)}


class TestAMI:
    def test_named_alone_takes_kernel_and_ramdisk_along(
        self, demo: Person, api: Callable[[Person], KingbirdAPI]
    ) -> None:
        trio = ami_trio(demo)
        job = api(demo).run(sync(trio["ami"]["id"]))
        assert job.status == SUCCESS
        assert {item["resource"] for item in job.items} == {im["id"] for im in trio.values()}
        record = demo.see("RegionTwo", trio["ami"]["id"])
        for name, form in (("kernel_id", "aki"), ("ramdisk_id", "ari")):
            assert record[name] == trio[name]["id"]
            assert demo.see("RegionTwo", record[name])["disk_format"] == form

    def test_forced_references_follow(
        self, demo: Person, api: Callable[[Person], KingbirdAPI]
    ) -> None:
        trio = ami_trio(demo)
        job = api(demo).run(sync(trio["ami"]["id"], force=True))
        assert job.status == SUCCESS
        record = demo.see("RegionTwo", job.item(trio["ami"]["id"])["target_resource"])
        for name in ("kernel_id", "ramdisk_id"):
            assert record[name] == job.item(trio[name]["id"])["target_resource"]
            assert record[name] != trio[name]["id"]
            assert demo.see("RegionTwo", record[name])["name"] == trio[name]["name"]

    def test_a_run_that_comes_again_finds_the_trio(
        self, demo: Person, api: Callable[[Person], KingbirdAPI]
    ) -> None:
        trio = ami_trio(demo)
        for reason in ("created", "no_data"):
            for force in (False, True):
                job = api(demo).run(sync(trio["ami"]["id"], force=force))
                assert {item["reason"] for item in job.items} == {reason}, job


class TestForce:
    def test_again_finds_the_same_copy(
        self, demo: Person, api: Callable[[Person], KingbirdAPI]
    ) -> None:
        image = demo.make("RegionOne", b"data", tags=["one"], os_distro="plan9")
        first = api(demo).run(sync(image["id"], force="True")).only
        again = api(demo).run(sync(image["id"], force=True)).only
        assert (first["reason"], again["reason"]) == ("created", "no_data")
        assert first["target_resource"] == again["target_resource"] != image["id"]
        (copy,) = copies_of(demo, "RegionTwo", image)
        assert copy["id"] == first["target_resource"]
        assert copy["kingbird_forced"] == "true"
        assert (copy["name"], copy["tags"], copy["os_distro"]) == (image["name"], ["one"], "plan9")
        assert copy["owner"] == demo.project_id

    def test_two_jobs_at_once_make_one_copy(
        self, demo: Person, api: Callable[[Person], KingbirdAPI]
    ) -> None:
        images = [demo.make("RegionOne") for _ in range(5)]
        wanted = sync(*(image["id"] for image in images), force=True)
        with ThreadPoolExecutor(4) as pool:
            jobs = list(pool.map(lambda _: api(demo).run(wanted), range(4)))
        assert {job.status for job in jobs} == {SUCCESS}
        for image in images:
            (copy,) = copies_of(demo, "RegionTwo", image)
            assert {job.item(image["id"])["target_resource"] for job in jobs} == {copy["id"]}

    def test_beside_a_copy_under_the_own_id(
        self, demo: Person, api: Callable[[Person], KingbirdAPI]
    ) -> None:
        image = demo.make("RegionOne")
        assert api(demo).run(sync(image["id"])).status == SUCCESS
        forced = api(demo).run(sync(image["id"], force=True)).only
        assert forced["reason"] == "created"
        assert forced["target_resource"] != image["id"]
        assert demo.see("RegionTwo", image["id"])

    def test_each_region_has_an_id_of_its_own(
        self, demo: Person, api: Callable[[Person], KingbirdAPI]
    ) -> None:
        image = demo.make("RegionOne")
        job = api(demo).run(sync(image["id"], target=["RegionTwo", "RegionThree"], force=True))
        ids = {item["target_resource"] for item in job.items}
        assert len(ids | {image["id"]}) == 3

    def test_a_plain_run_takes_a_forced_copy_for_the_image(
        self, demo: Person, api: Callable[[Person], KingbirdAPI]
    ) -> None:
        image = demo.make("RegionOne")
        forced = api(demo).run(sync(image["id"], force=True)).only["target_resource"]
        plain = api(demo).run(sync(image["id"])).only
        assert (plain["reason"], plain["target_resource"]) == ("in_sync", forced)
        assert demo.images("RegionTwo").get(image["id"]) is None


def test_hidden_and_upper_case_ids_are_found(
    demo: Person, api: Callable[[Person], KingbirdAPI]
) -> None:
    image = demo.make("RegionOne", os_hidden=True)
    undashed = image["id"].replace("-", "").upper()
    job = api(demo).run(sync(undashed))
    assert (job.only["resource"], *job.outcome) == (image["id"], SUCCESS, "created")
    assert demo.see("RegionTwo", image["id"])["os_hidden"] is True


def test_sets_make_one_job_with_options_of_their_own(
    demo: Person, api: Callable[[Person], KingbirdAPI]
) -> None:
    one, two = demo.make("RegionOne"), demo.make("RegionOne")
    sets: list[dict[str, Any]] = [
        sync(one["id"], target="RegionTwo"),
        sync(two["id"], target=["RegionTwo", "RegionThree"], force=True),
        sync(one["id"], target="RegionTwo"),
    ]
    job = api(demo).run(*sets)
    assert job.status == SUCCESS
    assert len(job.items) == 3
    assert job.item(one["id"])["target_resource"] == one["id"]
    assert job.item(two["id"], "RegionTwo")["target_resource"] != two["id"]
