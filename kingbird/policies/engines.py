"""The rules of engines, which work for all projects."""

from oslo_policy import policy

from kingbird.policies import base

LIST = "kingbird:engines:list"

RULES = [
    policy.DocumentedRuleDefault(
        name=LIST,
        check_str=f"rule:{base.ADMIN_REQUIRED} and project_id:%(project_id)s",
        description="List the engines with their hosts and their last heartbeats.",
        operations=[{"method": "GET", "path": "/v1.0/{project_id}/os-sync-engines"}],
        scope_types=["project"],
    ),
]


def list_rules() -> list[policy.DocumentedRuleDefault]:
    """Return the rules of engines."""
    return RULES
