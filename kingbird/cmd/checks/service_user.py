"""Check the service user and its roles in Keystone."""

from keystoneauth1 import exceptions as ksa_exc
from oslo_config import cfg
from oslo_upgradecheck.upgradecheck import Result

from kingbird import exception
from kingbird.clients.keystone import Keystone
from kingbird.cmd.checks import failure, success, warning

#: Timeout of a call to Keystone in seconds.
TIMEOUT = 10.0

#: The consequence of each missing role.
ROLES = {
    "service": "image services don't take its token for a service's, so jobs that run with "
    "their user's own token end when that expires",
    "admin": "trusts of users who were disabled stay until Keystone flushes them",
}


def service_user(conf: cfg.ConfigOpts, keystone: Keystone | None = None) -> Result:
    """Check that the user of ``[keystone_authtoken]`` can do its work.

    :param keystone: Keystone as the user sees it.
    """
    keystone = keystone or Keystone(conf, timeout=TIMEOUT)
    try:
        keystone.service_user_id()
        missing = [role for role in ROLES if role not in keystone.service_roles()]
        trusts = keystone.list_service_trusts()
    except exception.KeystoneUnavailable as error:
        match error.__cause__:
            case ksa_exc.Unauthorized():
                return failure("Keystone refuses the credentials of [keystone_authtoken]")
            case ksa_exc.NotFound():
                return failure("There is no Keystone at [keystone_authtoken] auth_url")
            case ksa_exc.AuthPluginException() as wrong:
                return failure(f"[keystone_authtoken] can't be used: {wrong}")
        return warning(
            f"The service user of [keystone_authtoken] can't be looked at: {error.message} "
            f"({type(error.__cause__).__name__})"
        )
    except exception.ConfigurationError as error:
        return failure(error.message)
    if missing:
        return warning(
            "; ".join(f"The service user lacks the role {role}: {ROLES[role]}" for role in missing)
        )
    return success(f"{len(trusts)} trusts at the moment")
