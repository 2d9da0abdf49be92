"""[keystone_authtoken]: keystonemiddleware's group, which also holds Kingbird's service user.

Trusts are created for the user of this group, so one set of credentials serves both.
"""

from keystoneauth1 import loading
from keystonemiddleware import opts as middleware_opts
from oslo_config import cfg

GROUP = "keystone_authtoken"

#: keystonemiddleware copies its options at each call, which takes most of the time of registering
#: all options.  A copy may be registered with several configurations.
_MIDDLEWARE_OPTS = middleware_opts.list_auth_token_opts()


def register(conf: cfg.ConfigOpts) -> None:
    """Register keystonemiddleware's options, which the service user shares.

    The options of the credentials' plugin are registered when the credentials are loaded, because
    some are required and ``kingbird-manage db sync`` works without them.
    """
    for group, opts in _MIDDLEWARE_OPTS:
        conf.register_opts(opts, group=group)
    # A caller waits meanwhile.  Four attempts would take too long to report that Keystone is
    # unavailable.
    conf.set_default("http_request_max_retries", 1, group=GROUP)


def credentials_opts() -> list[cfg.Opt]:
    """Return the options of the service user's credentials, for the sample."""
    return loading.get_auth_plugin_conf_options("password")
