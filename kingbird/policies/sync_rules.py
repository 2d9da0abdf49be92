"""The rules of a project's sync rules: create, list, show, update, delete and run."""

from oslo_policy import policy

from kingbird.policies import base

CREATE = "kingbird:sync_rules:create"
CREATE_ALL_PROJECTS = "kingbird:sync_rules:create:all_projects"
LIST = "kingbird:sync_rules:list"
SHOW = "kingbird:sync_rules:show"
UPDATE = "kingbird:sync_rules:update"
DELETE = "kingbird:sync_rules:delete"
RUN = "kingbird:sync_rules:run"

_RULES = "/v1.0/{project_id}/os-sync-rules"
_RULE = f"{_RULES}/{{rule_id}}"

RULES = [
    policy.DocumentedRuleDefault(
        name=CREATE,
        check_str=f"rule:{base.PROJECT_MEMBER}",
        description="Have images synced again and again by a rule. Its jobs have no more rights "
        "than the user who created or changed it last.",
        operations=[{"method": "POST", "path": _RULES}],
        scope_types=["project"],
    ),
    policy.DocumentedRuleDefault(
        name=CREATE_ALL_PROJECTS,
        check_str=f"rule:{base.ADMIN_REQUIRED} and project_id:%(project_id)s",
        description=f"Have the images of every project synced by a rule (all_projects), beside "
        f"{CREATE}, and change such rules, beside {UPDATE}.",
        operations=[{"method": "POST", "path": _RULES}, {"method": "PATCH", "path": _RULE}],
        scope_types=["project"],
    ),
    policy.DocumentedRuleDefault(
        name=LIST,
        check_str=f"rule:{base.PROJECT_READER}",
        description="List the project's rules.",
        operations=[{"method": "GET", "path": _RULES}],
        scope_types=["project"],
    ),
    policy.DocumentedRuleDefault(
        name=SHOW,
        check_str=f"rule:{base.PROJECT_READER}",
        description="Show a rule and its state.",
        operations=[{"method": "GET", "path": _RULE}],
        scope_types=["project"],
    ),
    policy.DocumentedRuleDefault(
        name=UPDATE,
        # A rule that is changed has the rights of the user who changes it, as a new one has.
        check_str=f"rule:{CREATE}",
        description="Change, enable and disable a rule. Its jobs then have the rights of the "
        "user who changes it.",
        operations=[{"method": "PATCH", "path": _RULE}],
        scope_types=["project"],
    ),
    policy.DocumentedRuleDefault(
        name=DELETE,
        check_str=f"rule:{base.PROJECT_MEMBER}",
        description="Delete a rule and cancel its jobs in progress. The records that they have "
        "created stay.",
        operations=[{"method": "DELETE", "path": _RULE}],
        scope_types=["project"],
    ),
    policy.DocumentedRuleDefault(
        name=RUN,
        check_str=f"rule:{base.PROJECT_MEMBER}",
        description="Run a rule now, with the rights of the user who created or changed it last.",
        operations=[{"method": "POST", "path": f"{_RULE}/run"}],
        scope_types=["project"],
    ),
]


def list_rules() -> list[policy.DocumentedRuleDefault]:
    """Return the rules of sync rules."""
    return RULES
