"""The upgrade check of the regions whose events are heard."""

import pytest
from oslo_upgradecheck.upgradecheck import Code

from kingbird.cmd.checks import listener
from kingbird.conf.listener import options_of, region_group


def configure(conf, **options):
    conf.set_override("regions", ["One", "Two"], group="listener")
    for name, value in options.items():
        conf.set_override(name, value, group="listener")
    for region in ("One", "Two"):
        options_of(conf, region)
        conf.set_override("transport_url", "rabbit://u:p@a/", group=region_group(region))


def tell_apart(conf):
    for region in ("One", "Two"):
        conf.set_override("publisher_id", f"image.{region}", group=region_group(region))


def test_nobody_listens(conf):
    found = listener.regions(conf)
    assert (found.code, found.details) == (Code.SUCCESS, "0 regions are heard, 0 polled")


def test_regions_on_one_broker(conf):
    configure(conf)
    assert listener.regions(conf).code is Code.FAILURE
    tell_apart(conf)
    assert listener.regions(conf).details == "2 regions are heard, 0 polled"


@pytest.mark.parametrize("pool", [None, "kingbird"])
def test_a_shared_topic(conf, pool):
    configure(conf, topic="notifications", pool=pool)
    tell_apart(conf)
    assert listener.regions(conf).code is Code.WARNING
