"""The rules that others are made of: OpenStack's personas within a project.

``admin`` implies ``member``, which implies ``reader``, in every Keystone that was bootstrapped,
so an admin needs no rule of its own here.  The role ``service`` grants nothing by itself.
"""

from oslo_policy import policy

ADMIN_REQUIRED = "admin_required"
PROJECT_MEMBER = "project_member"
PROJECT_READER = "project_reader"

RULES = [
    policy.RuleDefault(
        name=ADMIN_REQUIRED,
        check_str="role:admin",
        description="Whom the image services take for an admin: owners of records are copied "
        "for them.",
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


def list_rules() -> list[policy.RuleDefault]:
    """Return this module's rules."""
    return RULES
