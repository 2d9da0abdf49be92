"""Regions are the image endpoints of a catalog."""

from hypothesis import given
from hypothesis import strategies as st

from kingbird.clients.keystone import image_endpoints


def endpoint(region="R1", interface="public", url="http://glance"):
    return {
        "id": "e",
        "region": region,
        "region_id": region,
        "interface": interface,
        "url": url,
    }


def service(*endpoints, kind="image"):
    return {"id": "s", "type": kind, "name": "glance", "endpoints": list(endpoints)}


def test_only_image_endpoints_of_the_interface_count():
    catalog = [
        service(endpoint("R1"), endpoint("R2", "internal"), endpoint("R3", "admin")),
        service(endpoint("R4"), kind="compute"),
    ]
    assert image_endpoints(catalog, "public") == {"R1": "http://glance"}
    assert image_endpoints(catalog, "internal") == {"R2": "http://glance"}
    assert image_endpoints([], "public") == {}


@given(
    base=st.sampled_from(["http://g:9292", "https://g/image", "http://g/image/v1"]),
    ending=st.sampled_from(["", "/", "/v2", "/v2/"]),
)
def test_a_version_at_the_end_is_stripped(base, ending):
    catalog = [service(endpoint(url=base + ending))]
    assert image_endpoints(catalog, "public") == {"R1": base}
