"""Check that regions whose events are to be heard can be told apart."""

from oslo_config import cfg
from oslo_upgradecheck.upgradecheck import Result

from kingbird import exception
from kingbird.cmd.checks import failure, success, warning
from kingbird.listener import brokers


def regions(conf: cfg.ConfigOpts) -> Result:
    """Check the regions of ``[listener]`` without connecting."""
    try:
        found = brokers.brokers(conf)
    except exception.ConfigurationError as error:
        return failure(error.message)
    if problems := brokers.warnings(conf):
        return warning("; ".join(problems))
    heard = sum(len(broker.regions) for broker in found)
    return success(f"{heard} regions are heard, {len(brokers.polled(conf))} polled")
