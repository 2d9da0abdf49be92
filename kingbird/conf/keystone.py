"""[keystone_authtoken]: keystonemiddleware's group, which is Kingbird's service user too.

Trusts are made to the user of this group, so one set of credentials serves both.
"""

from keystoneauth1 import loading
from oslo_config import cfg

GROUP = "keystone_authtoken"


def register(conf: cfg.ConfigOpts) -> None:
    """Register the options that don't depend on ``auth_type``.

    The others are registered when the credentials are loaded: some are required, and
    ``kingbird-manage db sync`` works without them.
    """
    loading.register_auth_conf_options(conf, GROUP)
    loading.register_session_conf_options(conf, GROUP)
