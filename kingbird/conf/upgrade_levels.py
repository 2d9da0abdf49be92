"""[upgrade_levels]: versions of messages while engines of two releases run."""

from oslo_config import cfg

GROUP = "upgrade_levels"

#: Follow the oldest engine that is alive.
AUTO = "auto"

OPTS = [
    cfg.StrOpt(
        "engine",
        default=AUTO,
        regex=r"^(auto|[0-9]+\.[0-9]+)$",
        mutable=True,
        help="The newest version of messages that is sent to engines, such as 1.0. By default it "
        "is the version of the oldest engine that is alive, so that two releases can run side by "
        "side.",
    ),
]
