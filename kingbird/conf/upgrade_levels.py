"""[upgrade_levels]: what is sent to engines while engines of two releases run."""

from oslo_config import cfg

GROUP = "upgrade_levels"

#: Follow the engines that are alive.
AUTO = "auto"

OPTS = [
    cfg.StrOpt(
        "engine",
        default=AUTO,
        regex=r"^(auto|[0-9]+\.[0-9]+)$",
        mutable=True,
        help="The newest version of messages that is sent to engines, such as 1.0. By default "
        "it is the one that the oldest of the engines that are alive understands, so that "
        "programs of two releases can run side by side.",
    ),
]
