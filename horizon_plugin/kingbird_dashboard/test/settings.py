"""The settings of the unit tests: those of Horizon's own tests, with the plugin."""

from pathlib import Path

import openstack_dashboard.enabled
from openstack_dashboard.test.settings import *  # noqa: F403
from openstack_dashboard.test.settings import (
    DEFAULT_POLICY_FILES,
    HORIZON_CONFIG,
    INSTALLED_APPS,
    POLICY_FILES,
)
from openstack_dashboard.utils import settings as settings_utils

import kingbird_dashboard
import kingbird_dashboard.enabled

INSTALLED_APPS = list(INSTALLED_APPS)
settings_utils.update_dashboards(
    [kingbird_dashboard.enabled, openstack_dashboard.enabled], HORIZON_CONFIG, INSTALLED_APPS
)
# Horizon's own tests have added its dashboards before.
INSTALLED_APPS = list(dict.fromkeys(INSTALLED_APPS))

_CONF = Path(kingbird_dashboard.__file__).parent / "conf"
POLICY_FILES = {**POLICY_FILES, "synchronization": str(_CONF / "kingbird_policy.yaml")}
DEFAULT_POLICY_FILES = {
    **DEFAULT_POLICY_FILES,
    "synchronization": str(_CONF / "default_policies" / "kingbird.yaml"),
}
POLICY_CHECK_FUNCTION = "openstack_auth.policy.check"
