"""How much a request may say, by ``[api]``."""

from dataclasses import dataclass

from oslo_config import cfg

#: Characters of a region's name, in Keystone; of a name, a tag and a property's name, in Glance.
MAX_NAME = 255
#: Characters of a property's value to look for: it becomes a part of a URL.
MAX_VALUE = 1024
#: Tags, and properties, to look for: Glance's own limit for what one image has.
MAX_FILTERED = 128


@dataclass(frozen=True)
class RequestLimits:
    """The bounds that an operator may change.

    :ivar sets: sets in a request.
    :ivar resources: images that a request names, in all its sets.
    :ivar regions: regions that a set names as sources, and as targets.
    """

    sets: int
    resources: int
    regions: int

    @classmethod
    def from_conf(cls, conf: cfg.ConfigOpts) -> "RequestLimits":
        """Return those of a configuration."""
        options = conf.api
        return cls(options.max_sets, options.max_resources, options.max_regions)


#: The options by the names above.
OPTIONS = {
    "sets": "[api] max_sets",
    "resources": "[api] max_resources",
    "regions": "[api] max_regions",
}
