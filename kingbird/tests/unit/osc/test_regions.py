"""The regions that the command line looks names up in."""

from unittest import mock

from keystoneauth1.access.service_catalog import ServiceCatalogV3

from kingbird.osc.images import ImageCatalog
from kingbird.tests.doubles.catalogs import endpoint, service


def test_an_endpoint_without_a_region_is_left_out():
    manager = mock.Mock(interface="public")
    manager.auth_ref.service_catalog = ServiceCatalogV3(
        [service(endpoint("R2"), endpoint(None), endpoint("R1"), endpoint("R3", None))]
    )
    assert ImageCatalog(manager, print).regions() == ["R1", "R2"]
