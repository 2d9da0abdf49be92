"""A cloud whose catalog has invalid image endpoints."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync, wildcard
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import run
from kingbird.tests.functional.proxy import Proxy

#: Region and URL of each endpoint.  Keystone accepts all of them.
ODD = [
    (None, "http://127.0.0.1:9"),
    # MariaDB takes these two for one name.
    ("RegionTwo ", "http://127.0.0.1:9"),
    ("Blank ", "http://127.0.0.1:9"),
    ("*", "http://127.0.0.1:9"),
    ("Broken", "http://[127.0.0.1/"),
    ("Nowhere", "ftp://127.0.0.1/image"),
]


@contextlib.contextmanager
def endpoints(admin: Person, *entries: tuple[str | None, str]) -> Iterator[None]:
    """Register image endpoints, and remove them and their regions afterwards.

    :param entries: region and URL of each.
    """
    (service,) = admin.keystone("GET", "/services?type=image").json()["services"]
    made = []
    try:
        for region, url in entries:
            if region is not None:
                admin.keystone("POST", "/regions", json={"region": {"id": region}})
                made.append(f"/regions/{region.replace(' ', '%20')}")
            for interface in ("public", "internal"):
                body = {
                    "service_id": service["id"],
                    "region_id": region,
                    "interface": interface,
                    "url": url,
                }
                answer = admin.keystone("POST", "/endpoints", json={"endpoint": body})
                made.append(f"/endpoints/{answer.json()['endpoint']['id']}")
        yield
    finally:
        for path in reversed(made):
            admin.keystone("DELETE", path)


@pytest.fixture
def odd_catalog(admin: Person) -> Iterator[None]:
    """Register the odd endpoints."""
    with endpoints(admin, *ODD):
        yield


def test_one_entry_costs_its_region_at_most(
    odd_catalog: None,
    cloud: object,
    admin: Person,
    deployment: Deployment,
    api: Callable[[Person], KingbirdAPI],
) -> None:
    # The catalog comes with a token that is newer than the endpoints.
    someone = admin.with_new_project("demo")
    image = someone.make("RegionOne", b"some data")
    caller = api(someone)
    job = caller.run(sync(image["id"], target=["RegionTwo", "RegionThree"]))
    assert job.status == SUCCESS
    assert {item["reason"] for item in job.items} == {"created"}
    job = caller.run(wildcard())
    assert job.status == SUCCESS
    assert job.overview["outcomes"] == {"in_sync": 1, "no_data": 2}

    for region in ("RegionTwo ", "Blank ", "Broken", "Nowhere"):
        answer = caller.post(sync(image["id"], target=region))
        assert answer.status_code == 400
        message = answer.json()["error"]["message"]
        assert "names a region without an image endpoint that can be used" in message
        assert message.endswith("known are RegionOne, RegionThree, RegionTwo")

    # The star stands for all regions, and never for the one of that name.
    job = caller.run(sync(image["id"], target="*"))
    assert job.status == SUCCESS
    assert {item["target_region"] for item in job.items} == {"RegionTwo", "RegionThree"}

    # The commands leave the same regions out.
    for words in (["create", image["name"], "--target", "*", "--wait"], ["diff", "--all"]):
        done = run("openstack", "image", "sync", *words, "-f", "json", **someone.environment)
        assert done.returncode == 0, done.stderr
        assert "Blank" not in done.stdout + done.stderr
        assert "Region *" not in done.stderr
        assert '"RegionTwo "' not in done.stdout
        # Names are looked up in the other regions.
        assert ("Region Broken can't be asked" in done.stderr) == (words[0] == "create")

    lines = [line for log in deployment.logs for line in log.read_text().splitlines()]
    warned = [line for line in lines if "is left out of the service catalog" in line]
    assert any('of region "Blank "' in line for line in warned)
    # Once in each process: API workers and engines.
    assert 0 < sum('of region "Nowhere"' in line for line in warned) <= len(deployment.logs) * 4


def test_regions_that_differ_by_case(
    admin: Person,
    glances: dict[str, Proxy],
    deployment: Deployment,
    api: Callable[[Person], KingbirdAPI],
) -> None:
    """Two names are two regions, also for a database whose usual collation ignores case."""
    third = glances["RegionThree"].url
    with endpoints(admin, ("regiontwo", third), ("RÉGION", third), ("Région", third)):
        someone = admin.with_new_project("demo")
        caller = api(someone)
        targets = ["RegionTwo", "regiontwo", "RÉGION", "Région"]
        images = [someone.make("RegionOne")["id"] for _ in range(2)]
        job = caller.run(sync(*images, target=targets))
        assert job.status == SUCCESS
        assert job.reasons == {(image, name): "created" for image in images for name in targets}
        assert job.overview["regions"].keys() == {*targets}
        for image in images:
            assert someone.see("RegionThree", image)
            assert someone.see("RegionTwo", image)
        # An id that is unusable in one of them is not so in the others.
        someone.delete("RegionThree", images[0])
        job = caller.run(sync(images[0], target=targets))
        assert job.reasons == {
            (images[0], name): "in_sync" if name == "RegionTwo" else "id_taken" for name in targets
        }
        job = caller.run(sync(images[0], target=targets))
        assert job.reasons[images[0], "RegionTwo"] == "in_sync"
        answer = caller.post(sync(images[0], target="REGIONTWO"))
        assert answer.status_code == 400
