"""References: an AMI boots the copies of its own kernel and of no other image."""

from collections.abc import Callable
from typing import Any

import pytest

from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS, KingbirdAPI, sync, wildcard
from kingbird.tests.functional.people import Image, Person, unique

API = Callable[[Person], KingbirdAPI]

KERNEL = {"disk_format": "aki", "container_format": "aki"}
AMI = {"disk_format": "ami", "container_format": "ami"}


def by_ids(ami: Image) -> dict[str, Any]:
    """Return a set of the AMI alone, by id."""
    return sync(ami["id"])


def everything(_: Image) -> dict[str, Any]:
    """Return a set for all images of the project."""
    return wildcard(source="RegionOne", target=["RegionTwo"])


@pytest.fixture(params=[by_ids, everything])
def asked(request: pytest.FixtureRequest) -> Callable[[Image], dict[str, Any]]:
    """Return the set that copies an AMI."""
    made: Callable[[Image], dict[str, Any]] = request.param
    return made


@pytest.mark.parametrize("visibility", ["private", "community"])
@pytest.mark.parametrize("kernel_is", ["there", "without data", "gone"])
def test_another_projects_image_is_no_kernel(
    newcomer: Person,
    other: Person,
    api: API,
    asked: Callable[[Image], dict[str, Any]],
    kernel_is: str,
    visibility: str,
) -> None:
    data = None if kernel_is == "without data" else b"boot"
    kernel = newcomer.make("RegionOne", data, **KERNEL)
    ami = newcomer.make("RegionOne", b"root", **AMI, kernel_id=kernel["id"])
    if kernel_is == "gone":
        newcomer.delete("RegionOne", kernel["id"])
    theirs = other.make("RegionTwo", b"evil", id=kernel["id"], visibility=visibility, **KERNEL)
    job = api(newcomer).run(asked(ami))
    assert job.status == FAILURE
    assert job.item(ami["id"])["reason"] == "dependency_failed"
    expected = "owner_conflict" if visibility == "community" else "id_taken"
    assert job.item(kernel["id"])["reason"] == ("source_gone" if kernel_is == "gone" else expected)
    assert newcomer.images("RegionTwo").get(ami["id"]) is None
    assert other.see("RegionTwo", kernel["id"]) == theirs
    # A later plan of the whole cloud would fail for the missing kernel.
    newcomer.delete("RegionOne", ami["id"])


@pytest.mark.parametrize("is_gone", [False, True])
def test_a_public_kernel_that_is_there_is_good(
    newcomer: Person,
    admin: Person,
    api: API,
    asked: Callable[[Image], dict[str, Any]],
    is_gone: bool,
) -> None:
    public = {**KERNEL, "visibility": "public", "name": unique("kernel")}
    kernel = admin.make("RegionOne", b"boot", **public)
    admin.make("RegionTwo", b"boot", id=kernel["id"], tags=["newer"], **public)
    ami = newcomer.make("RegionOne", b"root", **AMI, kernel_id=kernel["id"])
    if is_gone:
        admin.delete("RegionOne", kernel["id"])
    job = api(newcomer).run(asked(ami))
    assert job.status == SUCCESS, job.items
    assert job.item(ami["id"])["reason"] == "created"
    assert newcomer.see("RegionTwo", ami["id"])["kernel_id"] == kernel["id"]
    assert admin.see("RegionTwo", kernel["id"])["tags"] == ["newer"]
    for region in ("RegionOne", "RegionTwo"):
        newcomer.delete(region, ami["id"])
