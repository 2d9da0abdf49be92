"""The rules of a project's jobs: create, list, show, cancel, retry and delete."""

from oslo_policy import policy

from kingbird.policies import base

CREATE = "kingbird:sync_jobs:create"
LIST = "kingbird:sync_jobs:list"
ALL_PROJECTS = "kingbird:sync_jobs:all_projects"
OTHER_PROJECTS = "kingbird:sync_jobs:other_projects"
CREATE_ALL_PROJECTS = "kingbird:sync_jobs:create:all_projects"
SHOW = "kingbird:sync_jobs:show"
DELETE = "kingbird:sync_jobs:delete"
CANCEL = "kingbird:sync_jobs:cancel"
RETRY = "kingbird:sync_jobs:retry"

_JOBS = "/v1.0/{project_id}/os-sync"
_JOB = "/v1.0/{project_id}/os-sync/{job_id}"

_CANCEL = f"{_JOB}/cancel"
_RETRY = f"{_JOB}/retry"
_RULES = "/v1.0/{project_id}/os-sync-rules"
_RULE = f"{_RULES}/{{rule_id}}"

RULES = [
    policy.DocumentedRuleDefault(
        name=CREATE,
        check_str=f"rule:{base.PROJECT_MEMBER}",
        description="Have images synced. In the regions the job has no more rights than the "
        "user who created it.",
        operations=[{"method": "POST", "path": _JOBS}],
        scope_types=["project"],
    ),
    policy.DocumentedRuleDefault(
        name=LIST,
        check_str=f"rule:{base.PROJECT_READER}",
        description="List the project's jobs.",
        operations=[
            {"method": "GET", "path": _JOBS},
            {"method": "GET", "path": f"{_JOBS}/active"},
        ],
        scope_types=["project"],
    ),
    policy.DocumentedRuleDefault(
        name=SHOW,
        check_str=f"rule:{base.PROJECT_READER}",
        description="Show the outcome of each image of a job.",
        operations=[{"method": "GET", "path": _JOB}],
        scope_types=["project"],
    ),
    policy.DocumentedRuleDefault(
        name=DELETE,
        check_str=f"rule:{base.PROJECT_MEMBER}",
        description="Delete a job that has ended. The records that it created stay.",
        operations=[{"method": "DELETE", "path": _JOB}],
        scope_types=["project"],
    ),
    policy.DocumentedRuleDefault(
        name=CANCEL,
        check_str=f"rule:{base.PROJECT_MEMBER}",
        description="Cancel a job in progress. The records that it has created stay.",
        operations=[{"method": "POST", "path": _CANCEL}],
        scope_types=["project"],
    ),
    policy.DocumentedRuleDefault(
        name=RETRY,
        # A caller who may not create jobs may not retry the job of another user either.
        check_str=f"rule:{CREATE}",
        description="Retry what failed of a job that has ended. The job then has the rights of "
        "the user who retries it.",
        operations=[{"method": "POST", "path": _RETRY}],
        scope_types=["project"],
    ),
    policy.DocumentedRuleDefault(
        name=CREATE_ALL_PROJECTS,
        check_str=f"rule:{base.ADMIN_REQUIRED} and project_id:%(project_id)s",
        description=f"Have the images of every project synced (all_projects), beside {CREATE}, "
        f"and retry such jobs, beside {RETRY}.",
        operations=[{"method": "POST", "path": _JOBS}, {"method": "POST", "path": _RETRY}],
        scope_types=["project"],
    ),
    policy.DocumentedRuleDefault(
        name=OTHER_PROJECTS,
        check_str=f"rule:{base.ADMIN_REQUIRED}",
        description="See, cancel and delete the jobs, and see and delete the rules, of another "
        "project than the token's, by that project's path, as far as the rule for the call "
        "allows it in the own project. Jobs and rules cannot be created or retried there, "
        "because a job runs in its user's project. "
        '"!" restricts every caller to the own project.',
        operations=[
            {"method": "GET", "path": _JOBS},
            {"method": "GET", "path": f"{_JOBS}/active"},
            {"method": "GET", "path": _JOB},
            {"method": "DELETE", "path": _JOB},
            {"method": "POST", "path": _CANCEL},
            {"method": "GET", "path": _RULES},
            {"method": "GET", "path": _RULE},
            {"method": "DELETE", "path": _RULE},
        ],
        scope_types=["project"],
    ),
    policy.DocumentedRuleDefault(
        name=ALL_PROJECTS,
        # OTHER_PROJECTS decides about other projects' paths.
        check_str=f"rule:{base.ADMIN_REQUIRED}",
        description="See, cancel, retry and delete jobs, and see, change, run and delete rules, "
        "that are about the images of every project, as far as the rule for the call allows it. "
        "Other callers get 404 for them.",
        operations=[
            {"method": "GET", "path": _JOBS},
            {"method": "GET", "path": f"{_JOBS}/active"},
            {"method": "GET", "path": _JOB},
            {"method": "DELETE", "path": _JOB},
            {"method": "POST", "path": _CANCEL},
            {"method": "POST", "path": _RETRY},
            {"method": "GET", "path": _RULES},
            {"method": "GET", "path": _RULE},
            {"method": "PATCH", "path": _RULE},
            {"method": "DELETE", "path": _RULE},
            {"method": "POST", "path": f"{_RULE}/run"},
        ],
        scope_types=["project"],
    ),
]


def list_rules() -> list[policy.DocumentedRuleDefault]:
    """Return the rules of jobs."""
    return RULES
