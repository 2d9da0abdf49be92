"""The base rules: OpenStack's personas within a project.

``admin`` implies ``member``, which implies ``reader``, in every bootstrapped Keystone, so an admin
needs no rule here.  The role ``service`` grants nothing by itself.
"""

from oslo_policy import policy

ADMIN_REQUIRED = "admin_required"
PROJECT_MEMBER = "project_member"
PROJECT_READER = "project_reader"

#: The persona that a rule of a call asks for: one in the project that the request is about.
MEMBER = f"rule:{PROJECT_MEMBER}"
READER = f"rule:{PROJECT_READER}"
ADMIN = f"rule:{ADMIN_REQUIRED} and project_id:%(project_id)s"

RULES = [
    policy.RuleDefault(
        name=ADMIN_REQUIRED,
        check_str="role:admin",
        description="A caller that the image services accept as an admin. Owners of records are "
        "copied for such callers.",
        scope_types=["project"],
    ),
    policy.RuleDefault(
        name=PROJECT_MEMBER,
        check_str="role:member and project_id:%(project_id)s",
        description="A member of the project that the request is about.",
        scope_types=["project"],
    ),
    policy.RuleDefault(
        name=PROJECT_READER,
        check_str="role:reader and project_id:%(project_id)s",
        description="A reader of the project that the request is about.",
        scope_types=["project"],
    ),
]


def guard(
    name: str, check_str: str, description: str, *calls: str
) -> policy.DocumentedRuleDefault:
    """Return a rule that guards calls, such as ``GET /v1.0/{project_id}/os-sync``."""
    return policy.DocumentedRuleDefault(
        name,
        check_str,
        description,
        [{"method": method, "path": path} for method, path in map(str.split, calls)],
        scope_types=["project"],
    )
