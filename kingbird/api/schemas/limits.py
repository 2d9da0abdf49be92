"""The limits of requests."""

from dataclasses import dataclass

from oslo_config import cfg

#: The maximum length of names: of regions in Keystone; of images, tags and properties in Glance.
MAX_NAME = 255
#: The maximum length of a property's value in a filter, which becomes a part of a URL.
MAX_VALUE = 1024
#: The maximum of tags and of properties in a filter; Glance's limit for one image.
MAX_FILTERED = 128


@dataclass(frozen=True)
class RequestLimits:
    """The limits that ``[api]`` sets.

    :ivar sets: the maximum of sets in a request.
    :ivar resources: the maximum of image ids in all sets of a request.
    :ivar regions: the maximum of source regions, and of target regions, in a set.
    :ivar interval: the minimum of a rule's interval in seconds.
    """

    sets: int
    resources: int
    regions: int
    interval: int = 60

    @classmethod
    def from_conf(cls, conf: cfg.ConfigOpts) -> "RequestLimits":
        """Return the limits of a configuration."""
        options = conf.api
        return cls(
            options.max_sets,
            options.max_resources,
            options.max_regions,
            conf.rules.min_interval,
        )
