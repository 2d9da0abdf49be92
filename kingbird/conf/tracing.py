"""[profiler]: osprofiler's options."""

from oslo_config import cfg
from osprofiler import opts

GROUP = "profiler"

#: osprofiler's default, which is public.
DEFAULT_KEY = "SECRET_KEY"


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options."""
    for _, options in opts.list_opts():
        for option in options:
            if option.name == "connection_string":
                # The connection string may contain a password, and options are shown in logs and
                # reports.
                option.secret = True
    for group, options in opts.list_opts():
        conf.register_opts(options, group=group)


def hmac_keys(conf: cfg.ConfigOpts) -> list[str]:
    """Return the keys that sign requests to trace.  Kingbird signs with the first one."""
    return [key for part in conf.profiler.hmac_keys.split(",") if (key := part.strip())]
