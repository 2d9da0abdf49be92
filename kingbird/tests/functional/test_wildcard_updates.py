"""``on_drift: update`` updates copies that differ and changes nothing else."""

from collections.abc import Callable
from typing import Any

import pytest

from kingbird.conf.sync import KEY_MANAGER_PROPERTIES, REGION_BOUND_PROPERTIES
from kingbird.sync.image import PROVENANCE
from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS, KingbirdAPI, wildcard
from kingbird.tests.functional.list_calls import recording
from kingbird.tests.functional.people import RAW, Image, Person
from kingbird.tests.functional.proxy import Proxy
from kingbird.tests.functional.snapshots import copied_fields

API = Callable[[Person], KingbirdAPI]

ONE_WAY = {"source": "RegionOne", "target": ["RegionTwo"]}
UPDATE = {**ONE_WAY, "on_drift": "update"}

#: Properties of a copy that its source lacks.
EXTRAS = {"only_here": "x", "hw_only_here": ""}
NOT_COPIED = {
    "instance_uuid": "here",
    "root_device_name": "/dev/vdb",
    "kingbird_source_region": "RegionThree",
    "kingbird_source_id": "elsewhere",
    "kingbird_source_hash": "md5:0",
    "kingbird_forced": "true",
}
#: Fields of a source, and fields of a copy that drifted.
SOURCE: dict[str, Any] = {
    "name": "new \N{SNOWMAN}",
    "visibility": "community",
    "protected": True,
    "os_hidden": True,
    "min_disk": 1,
    "min_ram": 0,
    "tags": ["b", "a"],
    "os_distro": "plan9",
    "a/b~c": "new",
    "instance_uuid": "there",
}
COPY: dict[str, Any] = {
    "name": "old",
    "visibility": "private",
    "min_ram": 64,
    "tags": ["c"],
    "os_distro": "inferno",
    **EXTRAS,
    **NOT_COPIED,
}
DRIFTED = {"name", "visibility", "protected", "os_hidden", "min_disk", "min_ram", "tags"}
DRIFTED |= {"os_distro", "a/b~c"}


def pair(
    who: Person,
    source: dict[str, Any],
    copy: dict[str, Any],
    data: bytes | None = b"same",
) -> tuple[Image, Image]:
    """Make an image with data in RegionOne, and a copy with its id in RegionTwo."""
    image = who.make("RegionOne", b"same", **{"visibility": "private", **source})
    fields = {"visibility": "private", "name": image["name"], **RAW, **copy}
    return image, who.make("RegionTwo", data, id=image["id"], **fields)


def untouched(image: Image, *names: str) -> Image:
    """Return the fields that an update of some fields leaves unchanged."""
    return {name: value for name, value in image.items() if name not in {"updated_at", *names}}


def without_extras(image: Image) -> Image:
    """Return the copied fields without those that only a copy has."""
    return {name: value for name, value in copied_fields(image).items() if name not in EXTRAS}


@pytest.mark.parametrize("data", [b"same", None])
def test_the_target_follows(
    data: bytes | None, newcomer: Person, api: API, glances: dict[str, Proxy]
) -> None:
    image, copy = pair(newcomer, SOURCE, COPY, data)
    pair(newcomer, {"os_distro": "plan9"}, {"os_distro": "plan9", "only_here": "x"})
    assert api(newcomer).run(wildcard(**ONE_WAY)).outcome == (FAILURE, "drift")
    assert newcomer.see("RegionTwo", image["id"]) == copy

    with recording(glances) as calls:
        job = api(newcomer).run(wildcard(**UPDATE))
    assert job.status == SUCCESS
    assert (*job.outcome, job.only["action"]) == (SUCCESS, "updated", "update")
    assert job.outcomes == {"updated": 1, "in_sync": 1}
    assert calls.all_writes == ["RegionTwo: PATCH /v2/images/ID"]

    updated = newcomer.see("RegionTwo", image["id"])
    assert without_extras(updated) == copied_fields(image)
    # Data, owner, provenance, region-bound fields and extra properties stay.
    assert untouched(updated, *DRIFTED) == untouched(copy, *DRIFTED)
    assert {*NOT_COPIED, *EXTRAS} <= updated.keys()
    assert newcomer.see("RegionOne", image["id"]) == image

    with recording(glances) as calls:
        outcomes = {"in_sync": 2} if data else {"in_sync": 1, "no_data": 1}
        assert api(newcomer).run(wildcard(**UPDATE)).outcomes == outcomes
    assert not calls.all_writes


def test_prune_takes_extra_properties_off(
    newcomer: Person, api: API, glances: dict[str, Proxy]
) -> None:
    image, copy = pair(newcomer, SOURCE, COPY)
    # Only the extra properties differ.
    other, beside = pair(newcomer, {"os_distro": "plan9"}, {**EXTRAS, "os_distro": "plan9"})
    with recording(glances) as calls:
        job = api(newcomer).run(wildcard(**UPDATE, prune=True))
    assert job.reasons == dict.fromkeys(
        [(one["id"], "RegionTwo") for one in (image, other)], "updated"
    )
    assert calls.all_writes == ["RegionTwo: PATCH /v2/images/ID"] * 2
    for source, before in ((image, copy), (other, beside)):
        after = newcomer.see("RegionTwo", source["id"])
        assert copied_fields(after) == copied_fields(source)
        assert not {*EXTRAS} & after.keys()
        dropped = (*REGION_BOUND_PROPERTIES, *KEY_MANAGER_PROPERTIES)
        kept = {*dropped, *PROVENANCE, "status", "checksum", "owner", "created_at"}
        assert {name: after.get(name) for name in kept} == {n: before.get(n) for n in kept}
    with recording(glances) as calls:
        assert api(newcomer).run(wildcard(**UPDATE, prune=True)).outcomes == {"in_sync": 2}
    assert not calls.all_writes


def test_each_copy_is_patched_once(
    newcomer: Person, admin: Person, api: API, glances: dict[str, Proxy]
) -> None:
    """An any-to-any job of an admin updates all copies of the one image with data."""
    images = []
    for region in ("RegionOne", "RegionTwo", "RegionThree"):
        image = newcomer.make(region, b"data", os_distro="plan9", tags=["new"])
        for other in {"RegionOne", "RegionTwo", "RegionThree"} - {region}:
            newcomer.make(other, id=image["id"], name="old", **RAW)
        images.append(image)
    wanted = wildcard(filters={"owner": newcomer.project_id}, all_projects=True, on_drift="update")
    with recording(glances) as calls:
        job = api(admin).run(wanted)
    assert job.outcomes == {"updated": 6, "in_sync": 3}
    assert sorted(calls.all_writes) == sorted(
        f"{region}: PATCH /v2/images/ID"
        for region in ("RegionOne", "RegionTwo", "RegionThree")
        for _ in range(2)
    )
    for image in images:
        for region in ("RegionOne", "RegionTwo", "RegionThree"):
            copy = newcomer.see(region, image["id"])
            assert copied_fields(copy) == copied_fields(image)
            assert copy["owner"] == newcomer.project_id


def test_formats_of_an_image_with_data(
    newcomer: Person, api: API, glances: dict[str, Proxy]
) -> None:
    other: dict[str, Any] = {"disk_format": "ami", "container_format": "ami"}
    image, copy = pair(newcomer, {"os_distro": "plan9"}, {**other, "min_ram": 64})
    queued, _ = pair(newcomer, {}, other, data=None)
    with recording(glances) as calls:
        job = api(newcomer).run(wildcard(**UPDATE))
    assert job.status == FAILURE
    assert job.reasons == {
        (image["id"], "RegionTwo"): "drift",
        (queued["id"], "RegionTwo"): "updated",
    }
    message = job.item(image["id"])["message"]
    assert "container_format, disk_format" in message
    assert "min_ram" not in message
    assert calls.all_writes == ["RegionTwo: PATCH /v2/images/ID"] * 2
    # The other fields follow.  A record without data takes over the formats.
    after = newcomer.see("RegionTwo", image["id"])
    assert (after["os_distro"], after["min_ram"], after["disk_format"]) == ("plan9", 0, "ami")
    assert untouched(after, "os_distro", "min_ram") == untouched(copy, "min_ram")
    assert newcomer.see("RegionTwo", queued["id"])["disk_format"] == "raw"

    # A repeated job has nothing left that it could write.
    with recording(glances) as calls:
        job = api(newcomer).run(wildcard(**UPDATE))
    assert job.outcome == (FAILURE, "drift")
    assert "can't be changed" in job.only["message"]
    assert not calls.all_writes


def test_conflicts_are_not_updated(
    newcomer: Person, demo: Person, admin: Person, api: API, glances: dict[str, Proxy]
) -> None:
    owned = newcomer.make("RegionOne", b"same", name="mine", visibility="community")
    demo.make("RegionTwo", b"same", id=owned["id"], name="theirs", visibility="community")
    data = newcomer.make("RegionOne", b"one", name="one")
    newcomer.make("RegionTwo", b"two", id=data["id"], name="two")
    wanted = wildcard(**UPDATE, prune=True, filters={"owner": newcomer.project_id})
    for who, more in ((newcomer, {}), (admin, {"all_projects": True})):
        with recording(glances) as calls:
            job = api(who).run({**wanted, **more})
        assert job.reasons == {
            (owned["id"], "RegionTwo"): "owner_conflict",
            (data["id"], "RegionTwo"): "data_conflict",
        }
        assert not calls.all_writes


def test_a_kernel_is_brought_for_an_update(
    newcomer: Person, api: API, glances: dict[str, Proxy]
) -> None:
    # A kernel without data is not selected by itself.
    kernel = newcomer.make("RegionOne", disk_format="aki", container_format="aki")
    ami: dict[str, Any] = {"disk_format": "ami", "container_format": "ami"}
    image, _ = pair(newcomer, {**ami, "kernel_id": kernel["id"]}, ami)
    with recording(glances) as calls:
        job = api(newcomer).run(wildcard(**UPDATE))
    assert job.reasons == {
        (kernel["id"], "RegionTwo"): "created",
        (image["id"], "RegionTwo"): "updated",
    }
    # The kernel comes first.
    writes = [call.method for call in calls.calls["RegionTwo"] if call.writes]
    assert writes == ["POST", "PATCH"]
    assert newcomer.see("RegionTwo", image["id"])["kernel_id"] == kernel["id"]


def test_what_becomes_shared_gets_members(
    newcomer: Person, demo: Person, admin: Person, api: API
) -> None:
    image, _ = pair(newcomer, {"visibility": "shared"}, {"visibility": "private"})
    newcomer.share("RegionOne", image["id"], demo.project_id)
    demo.answer_share("RegionOne", image["id"], "accepted")
    wanted = wildcard(**UPDATE, filters={"owner": newcomer.project_id}, all_projects=True)
    assert api(admin).run(wanted).outcome == (SUCCESS, "updated")
    assert newcomer.members("RegionTwo", image["id"]) == {demo.project_id: "accepted"}
