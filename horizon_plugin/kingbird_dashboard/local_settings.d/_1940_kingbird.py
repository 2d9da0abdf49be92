"""Kingbird's policies.  Copy it to openstack_dashboard/local/local_settings.d.

Horizon runs this file with its settings as globals.
"""

from pathlib import Path

import kingbird_dashboard

_CONF = Path(kingbird_dashboard.__file__).parent / "conf"
# The changes of an operator's policy file of Kingbird belong here too.
POLICY_FILES.update({"synchronization": str(_CONF / "kingbird_policy.yaml")})  # noqa: F821
DEFAULT_POLICY_FILES.update(  # noqa: F821
    {"synchronization": str(_CONF / "default_policies" / "kingbird.yaml")}
)
