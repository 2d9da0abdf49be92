"""A cloud whose catalog has invalid image endpoints."""

from collections.abc import Callable, Iterator

import pytest

from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync, wildcard
from kingbird.tests.functional.people import Person

#: Region and URL of each endpoint.  Keystone accepts all of them.
ODD = [
    (None, "http://127.0.0.1:9"),
    ("Blank ", "http://127.0.0.1:9"),
    ("*", "http://127.0.0.1:9"),
    ("Broken", "http://[127.0.0.1/"),
    ("Nowhere", "ftp://127.0.0.1/image"),
]


@pytest.fixture
def odd_catalog(admin: Person) -> Iterator[None]:
    """Register these endpoints, and remove them and their regions afterwards."""
    (service,) = admin.keystone("GET", "/services?type=image").json()["services"]
    made = []
    try:
        for region, url in ODD:
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
    assert job.overview["outcomes"] == {"in_sync": 3}

    for region in ("Blank ", "Broken", "Nowhere"):
        answer = caller.post(sync(image["id"], target=region))
        assert answer.status_code == 400
        message = answer.json()["error"]["message"]
        assert "names a region without an image endpoint that can be used" in message
        assert message.endswith("known are RegionOne, RegionThree, RegionTwo")

    lines = [line for log in deployment.logs for line in log.read_text().splitlines()]
    warned = [line for line in lines if "is left out of the service catalog" in line]
    assert any('of region "Blank "' in line for line in warned)
    # Once in each process: API workers and engines.
    assert 0 < sum('of region "Nowhere"' in line for line in warned) <= len(deployment.logs) * 4
