"""A catalog is somebody else's text: no entry of it fails a request, or costs another region."""

import itertools

import pytest
from hypothesis import given, settings

from kingbird.clients import catalog as service_catalog
from kingbird.db import api as db
from kingbird.tests.api.world import MEMBER_ROLES, PROJECT, token_of
from kingbird.tests.doubles.catalogs import (
    BAD_REGIONS,
    BAD_URLS,
    SOUND,
    catalogs,
    endpoint,
    service,
)
from kingbird.tests.unit.api.conftest import JOBS, caller, request_body

_numbers = itertools.count()


def sound():
    return [endpoint(region, f"http://{region.lower()}.test") for region in SOUND]


@pytest.fixture(scope="module")
def post(shared_world):
    """Give a function that POSTs with a token that has a certain catalog."""
    shared_world.conf.set_override("max_jobs_per_project", 10**6, group="sync")
    call = caller(shared_world.application)

    def with_catalog(catalog, rules=None, **changes):
        token = token_of(PROJECT, *MEMBER_ROLES)
        token["token"]["catalog"] = catalog
        if rules is not None:
            token.set_application_credential("credential", access_rules=rules)
        name = f"token{next(_numbers)}"
        shared_world.add(token, name)
        return call(JOBS, "POST", token=name, body=request_body(**changes))

    return with_catalog


def targets_of(response):
    job = db.jobs.get(PROJECT, response.json["job_status"]["id"], with_all_projects=True)
    return job.request[0]["targets"]


@settings(max_examples=40)
@given(catalog=catalogs())
def test_every_sound_region_works(post, catalog):
    response = post(catalog, target=["RegionTwo", "RegionThree"])
    assert response.status_int == 200, response.text
    response = post(catalog, resources=["*"], source="*", target=["*"])
    assert response.status_int == 200, response.text
    assert set(SOUND) <= set(targets_of(response))


def test_thousands_of_entries(post):
    odd = [endpoint(f"R{number}", None if number % 2 else "/x") for number in range(3000)]
    response = post([*(service(one) for one in odd), service(*sound())], target=["*"])
    assert response.status_int == 200, response.text
    assert targets_of(response) == ["RegionThree", "RegionTwo"]


@pytest.mark.parametrize("region", BAD_REGIONS)
def test_an_endpoint_of_no_region_that_can_be_used(post, region):
    catalog = [service(endpoint(region), *sound())]
    assert post(catalog).status_int == 200
    if region != "*":
        assert post(catalog, target=[region]).status_int == 400


@pytest.mark.parametrize("url", [url for url in BAD_URLS if isinstance(url, str) and url])
@pytest.mark.parametrize("field", ["source", "target"])
def test_a_region_that_can_not_be_used_is_unknown(post, url, field):
    response = post([service(endpoint("R9", url), *sound())], **{field: ["R9"]})
    assert response.status_int == 400
    message = response.json["error"]["message"]
    assert message.startswith(
        f"resource_set.{field} names a region without an image endpoint that can be used (its URL "
    )
    assert message.endswith('): "R9"; known are RegionOne, RegionThree, RegionTwo')


def test_a_trailing_blank_makes_another_region(post):
    response = post([service(endpoint("RegionTwo "), *sound())], target=["RegionTwo "])
    assert response.status_int == 400
    assert (
        "names a region without an image endpoint that can be used (the region's name ends in "
        'blanks): "RegionTwo "; known are' in response.json["error"]["message"]
    )


@pytest.mark.parametrize("catalog", [[], None, {}, "catalog", [None], [{"type": "image"}]])
def test_no_catalog_at_all(post, catalog):
    response = post(catalog)
    assert response.status_int == 400
    assert response.json["error"]["message"].endswith("known are none")


def test_access_rules_are_held_against_any_catalog(post):
    rule = {"id": "r", "service": "synchronization", "method": "POST", "path": JOBS}
    catalog = [5, {}, service(*sound()), service(kind="synchronization")]
    assert post(catalog, rules=[rule]).status_int == 200
    assert post(catalog, rules=[{**rule, "method": "GET"}]).status_int == 401


def test_nothing_is_logged_twice(post, caplog):
    catalog = [service(endpoint(None), *sound())]
    service_catalog.WARNINGS.clear()
    caplog.clear()
    for _ in range(3):
        post(catalog)
    assert sum("is left out" in record.getMessage() for record in caplog.records) == 1
