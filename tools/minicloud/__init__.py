"""A small real OpenStack on loopback for tests and demonstrations; see README.rst."""

from minicloud.cloud import Cloud, Status
from minicloud.errors import MinicloudError, PortTaken

__all__ = ["Cloud", "MinicloudError", "PortTaken", "Status"]
