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
    cfg.StrOpt(
        "import_interface",
        default="public",
        choices=["public", "internal", "admin"],
        help="Interface of the image endpoints by which the Glance of one region reaches that of "
        "another one. A set with data import has the data fetched there.",
    ),
    cfg.FloatOpt(
        "call_timeout",
        default=60.0,
        min=0.1,
        help="Seconds that a call to Glance or Keystone may take from its beginning to the last "
        "byte of the answer, with redirects and the renewal of a token. The option timeout is the "
        "time that a call waits for the next byte. Calls of an engine take at most a quarter of "
        "[engine] lease.",
    ),
    cfg.IntOpt(
        "max_response_size",
        default=32 * 1024 * 1024,
        min=1024 * 1024,
        help="Bytes of the largest answer of Glance or Keystone that is read. A larger one counts "
        "as an outage. A page with several images is read up to 4 MiB, and asked for in smaller "
        "parts beyond that.",
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
