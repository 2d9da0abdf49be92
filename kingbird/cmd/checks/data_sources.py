"""Check that regions can fetch the data of images from each other."""

from oslo_config import cfg
from oslo_upgradecheck.upgradecheck import Result

from kingbird import exception
from kingbird.clients.keystone import Keystone
from kingbird.clients.regions import ImageClientFactory
from kingbird.cmd import data_sources
from kingbird.cmd.checks import success, warning


def regions(
    conf: cfg.ConfigOpts,
    keystone: Keystone | None = None,
    clients: ImageClientFactory | None = None,
) -> Result:
    """Check what sets with data import need, if a region is set up for it.

    :param keystone: Keystone as the service user sees it.
    :param clients: makes the clients of regions.
    """
    try:
        found = data_sources.look(conf, keystone, clients)
    except (exception.KeystoneUnavailable, exception.ConfigurationError) as error:
        return warning(f"The regions can't be looked at: {error.message}")
    enabled = [one.region for one in found if one.is_enabled]
    if not enabled:
        return success(
            "No region's Glance is known to fetch data, so sets with data import would fail"
        )
    problems = [f"{one.region}: {'; '.join(one.problems)}" for one in found if one.problems]
    if problems:
        return warning(". ".join(problems))
    hints = sorted({hint for one in found for hint in one.hints})
    return success(". ".join([f"{len(enabled)} regions fetch data", *hints]))
