"""The regions that the command line looks names up in."""

from unittest import mock

from keystoneauth1.access.service_catalog import ServiceCatalogV3

from kingbird.osc.images import ImageCatalog
from kingbird.tests.doubles.catalogs import BAD_REGIONS, ODD_REGIONS, endpoint, service


def test_regions_that_kingbird_leaves_out_are_left_out():
    manager = mock.Mock(interface="public")
    odd = [region for region in BAD_REGIONS if region is None or isinstance(region, str)]
    manager.auth_ref.service_catalog = ServiceCatalogV3(
        [
            service(*map(endpoint, ["R2", *odd, "R1", *ODD_REGIONS]), endpoint("R3", None)),
            service(endpoint("R4"), kind="compute"),
            service(endpoint("R5", interface="internal"), endpoint("R6", "http://[::1")),
        ]
    )
    assert ImageCatalog(manager, print).regions() == sorted(["R1", "R2", "R6", *ODD_REGIONS])
