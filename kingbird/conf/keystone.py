"""[keystone_authtoken]: keystonemiddleware's group, which is Kingbird's service user too.

Trusts are made to the user of this group, so one set of credentials serves both.
"""

from keystoneauth1 import loading
from keystonemiddleware import opts as middleware_opts
from oslo_config import cfg

GROUP = "keystone_authtoken"


def register(conf: cfg.ConfigOpts) -> None:
    """Register keystonemiddleware's own options: it and the service user share them.

    Those of the credentials' plugin are registered when the credentials are loaded: some are
    required, and ``kingbird-manage db sync`` works without them.
    """
    for group, opts in middleware_opts.list_auth_token_opts():
        conf.register_opts(opts, group=group)
    # A caller waits meanwhile; four attempts take longer than anybody should wait to be told
    # that Keystone is away.
    conf.set_default("http_request_max_retries", 1, group=GROUP)


def credentials_opts() -> list[cfg.Opt]:
    """Return the options of the service user's credentials, for the sample."""
    opts: list[cfg.Opt] = loading.get_auth_plugin_conf_options("password")
    return opts
