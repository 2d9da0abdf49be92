"""[glance]: how Kingbird talks to the regions' image services."""

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
    """Return keystoneauth's session options, with a timeout as default."""
    opts = loading.get_session_conf_options()
    for opt in opts:
        if opt.dest == "timeout":
            # keystoneauth waits for ever by default; a lease does not.
            opt.default = 25
    return opts
