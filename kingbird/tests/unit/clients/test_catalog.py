"""Regions are the image endpoints of a catalog."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kingbird.clients import catalog as service_catalog
from kingbird.clients import log_once
from kingbird.tests.doubles.catalogs import (
    BAD_REGIONS,
    BAD_URLS,
    GOOD_URLS,
    JSON,
    ODD_REGIONS,
    SOUND,
    catalogs,
    endpoint,
    service,
)


def image_endpoints(catalog, interface):
    return service_catalog.read(catalog, interface).urls


@pytest.fixture(autouse=True)
def warnings(caplog):
    """Give the lines that are logged, none of them known already."""
    caplog.set_level(logging.WARNING)
    service_catalog.WARNINGS.clear()
    yield lambda: [record.getMessage() for record in caplog.records]
    service_catalog.WARNINGS.clear()


def test_only_image_endpoints_of_the_interface_count():
    catalog = [
        service(endpoint("R1"), endpoint("R2", interface="internal"), endpoint("R3", "", "admin")),
        service(endpoint("R4"), kind="compute"),
    ]
    assert image_endpoints(catalog, "public") == {"R1": "http://glance.test"}
    assert image_endpoints(catalog, "internal") == {"R2": "http://glance.test"}
    assert image_endpoints([], "public") == {}


@given(
    base=st.sampled_from(
        ["http://g:9292", "https://g/image", "http://g/image/v1", "http://v2", "http://[::1]:1"]
    ),
    ending=st.sampled_from(["", "/", "/v2", "/v2/"]),
)
def test_a_version_at_the_end_is_stripped(base, ending):
    catalog = [service(endpoint(url=base + ending))]
    assert image_endpoints(catalog, "public") == {"R1": base}


@pytest.mark.parametrize("region", BAD_REGIONS)
def test_a_region_that_can_not_be_used_costs_itself(region, warnings):
    catalog = [service(endpoint(region), endpoint("R2"))]
    assert set(image_endpoints(catalog, "public")) == {"R2"}
    (line,) = warnings()
    assert "endpoint" in line
    assert line.isascii()
    assert line.isprintable()
    assert len(line) < 400


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_url_that_can_not_be_used_costs_its_region(url, warnings):
    catalog = [service(endpoint("R9", url), endpoint("R2"))]
    found = service_catalog.read(catalog, "public")
    assert set(found.urls) == {"R2"}
    # An endpoint whose URL is no text names no region either.
    assert set(found.unusable) == ({"R9"} if url is None or isinstance(url, str) else set())
    (line,) = warnings()
    assert "R9" in line
    assert line.isascii()
    assert line.isprintable()


@pytest.mark.parametrize("name", ["url", "region", "region_id", "interface"])
@pytest.mark.parametrize("value", [5, [], {"a": "b"}, False])
def test_a_field_of_the_wrong_type_makes_no_endpoint(name, value, warnings):
    odd = {**endpoint("R1"), "region": "R1", "region_id": "R1", name: value}
    catalog = [service(odd, endpoint("R2"))]
    assert set(image_endpoints(catalog, "public")) == {"R2"}
    assert "is no image endpoint" in warnings()[0]
    assert service_catalog.well_formed(catalog)[0]["endpoints"] == [endpoint("R2")]


@pytest.mark.parametrize("region", ODD_REGIONS)
@pytest.mark.parametrize("url", GOOD_URLS)
def test_what_is_only_odd_is_used(region, url, warnings):
    assert set(image_endpoints([service(endpoint(region, url))], "public")) == {region}
    assert not warnings()


def test_the_first_endpoint_that_can_be_used_counts(warnings):
    catalog = [
        service(endpoint("R1", "/nowhere")),
        service(endpoint("R1", "http://one.test"), endpoint("R1", "http://one.test/v2")),
        service(endpoint("R1", "http://two.test"), endpoint("R1", "")),
    ]
    found = service_catalog.read(catalog, "public")
    assert found == ({"R1": "http://one.test"}, {})
    assert len(warnings()) == 3
    assert "an earlier one of the same region is used" in warnings()[1]


def test_an_entry_is_reported_once(warnings):
    catalog = [service(endpoint(None), endpoint("R1", "/image")), service(endpoint("R1"))]
    for _ in range(5):
        image_endpoints(catalog, "public")
    assert warnings() == [
        'The image endpoint "endpoint of None" of region null is left out of the service catalog: '
        "it has no region",
        'The image endpoint "endpoint of \'R1\'" of region "R1" is left out of the service '
        "catalog: its URL is no http(s) URL",
    ]


def test_thousands_of_bad_entries_do_not_fill_the_log(warnings):
    odd = [endpoint(f"R{number}", "/image") for number in range(5000)]
    assert image_endpoints([service(*odd, endpoint("R1"))], "public") == {
        "R1": "http://glance.test"
    }
    assert len(warnings()) == log_once.MAX_WARNINGS + 1
    assert warnings()[-1] == "More warnings of this kind are not logged"


def test_a_service_that_is_none_of_ours_is_left_alone(warnings):
    catalog = [service(endpoint(None, None), 5, kind="compute"), service(endpoint("R1"))]
    assert set(image_endpoints(catalog, "public")) == {"R1"}
    assert not warnings()


@given(catalog=JSON)
def test_what_is_no_catalog_has_no_regions(catalog):
    assert image_endpoints(catalog, "public") == {}


@given(catalog=catalogs())
def test_every_sound_region_is_left(catalog):
    found = service_catalog.read(catalog, "public")
    for region in SOUND:
        assert found.urls[region] == f"http://{region.lower()}.test"
    for region in {**found.urls, **found.unusable}:
        assert isinstance(region, str)
    assert not found.urls.keys() & found.unusable.keys()
    assert service_catalog.read(service_catalog.well_formed(catalog), "public") == found


@pytest.mark.parametrize(
    ("names", "region"),
    [
        ({"region_id": "R1"}, "R1"),
        ({"region": "R1"}, "R1"),
        ({"region_id": "R1", "region": "R2"}, "R1"),
        ({"region_id": "", "region": "R2"}, "R2"),
        ({}, None),
    ],
)
def test_urls_as_written_are_found_by_either_name_of_a_region(names, region):
    one = {"url": "http://one/v9/", "interface": "public", **names}
    found = service_catalog.urls_as_written([service(one, kind="image")], "public")
    assert found == ({region: "http://one/v9/"} if region else {})


def test_the_first_url_as_written_of_a_region_counts():
    first, second, other = endpoint("R1", "http://a"), endpoint("R1", "http://b"), endpoint("R2")
    found = service_catalog.urls_as_written([service(first, second, other)], "public")
    assert found == {"R1": "http://a", "R2": other["url"]}
    assert service_catalog.urls_as_written([service(first)], "internal") == {}
