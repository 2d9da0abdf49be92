"""A small real OpenStack on loopback, to try and test against: see README.rst."""

from minicloud.cloud import Cloud, Status
from minicloud.errors import MinicloudError, PortTaken

__all__ = ["Cloud", "MinicloudError", "PortTaken", "Status"]
