"""The rules of a project's sync rules: create, list, show, update, delete and run."""

from kingbird.policies import base

CREATE = "kingbird:sync_rules:create"
CREATE_ALL_PROJECTS = "kingbird:sync_rules:create:all_projects"
LIST = "kingbird:sync_rules:list"
SHOW = "kingbird:sync_rules:show"
UPDATE = "kingbird:sync_rules:update"
DELETE = "kingbird:sync_rules:delete"
RUN = "kingbird:sync_rules:run"
ORPHANS = "kingbird:sync_rules:orphans"

_RULES = "/v1.0/{project_id}/os-sync-rules"
_RULE = f"{_RULES}/{{rule_id}}"
_JOBS = "/v1.0/{project_id}/os-sync"
_JOB = f"{_JOBS}/{{job_id}}"

RULES = [
    base.guard(
        CREATE,
        base.MEMBER,
        "Have images synced again and again by a rule. Its jobs have no more rights than the "
        "user who created or changed it last.",
        f"POST {_RULES}",
    ),
    base.guard(
        CREATE_ALL_PROJECTS,
        base.ADMIN,
        f"Have the images of every project synced by a rule (all_projects), beside {CREATE}, and "
        f"change such rules, beside {UPDATE}.",
        f"POST {_RULES}",
        f"PATCH {_RULE}",
    ),
    base.guard(LIST, base.READER, "List the project's rules.", f"GET {_RULES}"),
    base.guard(SHOW, base.READER, "Show a rule and its state.", f"GET {_RULE}"),
    base.guard(
        UPDATE,
        # A rule that is changed has the rights of the user who changes it, as a new one has.
        f"rule:{CREATE}",
        "Change, enable and disable a rule. Its jobs then have the rights of the user who "
        "changes it.",
        f"PATCH {_RULE}",
    ),
    base.guard(
        DELETE,
        base.MEMBER,
        "Delete a rule and cancel its jobs in progress. The records that they have created stay.",
        f"DELETE {_RULE}",
    ),
    base.guard(
        RUN,
        base.MEMBER,
        "Run a rule now, with the rights of the user who created or changed it last.",
        f"POST {_RULE}/run",
    ),
    base.guard(
        ORPHANS,
        base.ADMIN,
        "Have copies hidden or deleted whose home region has deleted the image (on_orphan), "
        "beside the rule for the call: by rules that are created or changed, and by jobs that are "
        "created, retried, applied or undone; and run a rule with a limit of its own "
        "(orphan_limit).",
        f"POST {_RULES}",
        f"PATCH {_RULE}",
        f"POST {_RULE}/run",
        f"POST {_JOBS}",
        *(f"POST {_JOB}/{action}" for action in ("retry", "apply", "undo")),
    ),
]
