"""Wildcard jobs by the published client, which passes the star on unchanged."""

from collections.abc import Callable

from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.snapshots import check_copy
from kingbird.tests.functional.test_client import client
from kingbird.tests.functional.wildcard_expected import REGIONS


def test_all_images_to_all_regions(newcomer: Person, api: Callable[[Person], KingbirdAPI]) -> None:
    images = {region: newcomer.make(region, b"data", tags=[region]) for region in REGIONS}
    words = ["create", "--resource_type", "image", "--resources", "*"]
    (row,) = client(newcomer, *words, "--source", "*", "--target", "*")
    assert row["STATUS"] == "IN_PROGRESS"
    job = api(newcomer).wait(row["ID"])
    assert job.status == SUCCESS
    pairs = {
        (image["id"], home, target)
        for home, image in images.items()
        for target in REGIONS
        if target != home
    }
    for image_id, home, target in pairs:
        check_copy(images[home], home, newcomer.see(target, image_id))

    shown = client(newcomer, "show", job.id)
    names = ("RESOURCE", "SOURCE_REGION", "TARGET_REGION", "STATUS")
    assert {tuple(row[name] for name in names) for row in shown} == {
        (*pair, "SUCCESS") for pair in pairs
    }
    assert {row["RESOURCE_TYPE"] for row in shown} == {"image"}
    (listed,) = client(newcomer, "list")
    assert (listed["ID"], listed["STATUS"]) == (job.id, "SUCCESS")

    # If all images are in order, there is no item to show.
    (row,) = client(newcomer, *words, "--source", "RegionTwo", "--target", "*")
    job = api(newcomer).wait(row["ID"])
    assert (job.status, job.outcomes) == (SUCCESS, {"no_data": 2})
    assert client(newcomer, "list")[0]["ID"] == job.id
