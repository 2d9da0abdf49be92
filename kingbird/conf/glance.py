"""[glance]: calls to the regions' image services."""

from keystoneauth1 import loading
from oslo_config import cfg

GROUP = "glance"

OPTS = [
    cfg.StrOpt(
        "interface",
        default="public",
        choices=["public", "internal", "admin"],
        help="Interface of the image endpoints in the service catalog.",
    ),
]


def session_opts() -> list[cfg.Opt]:
    """Return keystoneauth's session options with a default timeout."""
    opts = loading.get_session_conf_options()
    for opt in opts:
        if opt.dest == "timeout":
            # keystoneauth's default is no timeout, but a lease expires.
            opt.default = 25
    return opts
