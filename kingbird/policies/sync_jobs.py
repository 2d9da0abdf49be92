"""The rules of a project's jobs: create, list, show, cancel, retry and delete."""

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
APPLY = "kingbird:sync_jobs:apply"
UNDO = "kingbird:sync_jobs:undo"
IMPORT = "kingbird:sync_jobs:import"
CREATE_METADEF = "kingbird:sync_jobs:create:metadef"

_JOBS = "/v1.0/{project_id}/os-sync"
_JOB = "/v1.0/{project_id}/os-sync/{job_id}"

_POST_JOB = f"POST {_JOBS}"
_LISTS = (f"GET {_JOBS}", f"GET {_JOBS}/active", f"GET {_JOBS}/detail")
_GET_JOB = f"GET {_JOB}"
_DELETE_JOB = f"DELETE {_JOB}"
_CANCEL_JOB = f"POST {_JOB}/cancel"
_RETRY_JOB = f"POST {_JOB}/retry"
_APPLY_JOB = f"POST {_JOB}/apply"
_UNDO_JOB = f"POST {_JOB}/undo"
_RULE = "/v1.0/{project_id}/os-sync-rules/{rule_id}"
_GET_RULES = ("GET /v1.0/{project_id}/os-sync-rules", f"GET {_RULE}")
_DELETE_RULE = f"DELETE {_RULE}"
_POST_RULE = "POST /v1.0/{project_id}/os-sync-rules"

RULES = [
    base.guard(
        CREATE,
        base.MEMBER,
        "Have images synced. In the regions the job has no more rights than the user who created "
        "it.",
        _POST_JOB,
    ),
    base.guard(LIST, base.READER, "List the project's jobs.", *_LISTS),
    base.guard(SHOW, base.READER, "Show the outcome of each image of a job.", _GET_JOB),
    base.guard(
        DELETE,
        base.MEMBER,
        "Delete a job that has ended. The records that it created stay.",
        _DELETE_JOB,
    ),
    base.guard(
        CANCEL,
        base.MEMBER,
        "Cancel a job in progress. The records that it has created stay.",
        _CANCEL_JOB,
    ),
    base.guard(
        RETRY,
        # A caller who may not create jobs may not retry the job of another user either.
        f"rule:{CREATE}",
        "Retry what failed of a job that has ended. The job then has the rights of the user who "
        "retries it.",
        _RETRY_JOB,
    ),
    base.guard(
        APPLY,
        # Applying a dry run creates a job.
        f"rule:{CREATE}",
        "Carry out the plan of a dry run. The job has the rights of the user who applies it.",
        _APPLY_JOB,
    ),
    base.guard(
        UNDO,
        # Undoing a job creates one.
        f"rule:{CREATE}",
        "Undo what a job wrote: hide the records that it created, and give back what it changed. "
        "The job that does so has the rights of the user who undoes it.",
        _UNDO_JOB,
    ),
    base.guard(
        IMPORT,
        base.MEMBER,
        'Have Glance import the data of images ("data": "import"), beside the rule for the call: '
        "in jobs that are created, retried or applied, and in rules that are created or changed.",
        *(_POST_JOB, _RETRY_JOB, _APPLY_JOB),
        *(_POST_RULE, f"PATCH {_RULE}"),
    ),
    base.guard(
        CREATE_ALL_PROJECTS,
        base.ADMIN,
        f"Have the images of every project synced (all_projects), beside {CREATE}, and retry, "
        f"apply and undo such jobs, beside {RETRY}, {APPLY} and {UNDO}.",
        *(_POST_JOB, _RETRY_JOB, _APPLY_JOB, _UNDO_JOB),
    ),
    base.guard(
        CREATE_METADEF,
        base.ADMIN,
        "Have namespaces of metadata definitions synced (resource_type metadef), beside "
        f"{CREATE}, retry and apply such jobs, beside {RETRY} and {APPLY}, and have rules about "
        "them. They are seen by those who may see jobs about every project's images "
        f"({ALL_PROJECTS}).",
        *(_POST_JOB, _RETRY_JOB, _APPLY_JOB),
        *(_POST_RULE, f"PATCH {_RULE}"),
    ),
    base.guard(
        OTHER_PROJECTS,
        f"rule:{base.ADMIN_REQUIRED}",
        "See, cancel and delete the jobs, and see and delete the rules, of another project than "
        "the token's, by that project's path, as far as the rule for the call allows it in the "
        "own project. Jobs and rules cannot be created, retried, applied or undone there, because "
        "a job runs in its user's project. With it and with all_projects, a caller lists the "
        "rules of all projects, and their jobs in detail. "
        '"!" restricts every caller to the own project.',
        *(*_LISTS, _GET_JOB, _DELETE_JOB, _CANCEL_JOB),
        *(*_GET_RULES, _DELETE_RULE),
    ),
    base.guard(
        ALL_PROJECTS,
        # OTHER_PROJECTS decides about other projects' paths.
        f"rule:{base.ADMIN_REQUIRED}",
        "See, cancel, retry, apply, undo and delete jobs, and see, change, run and delete rules, "
        "that are about the images of every project, as far as the rule for the call allows it. "
        "Other callers get 404 for them.",
        *(*_LISTS, _GET_JOB, _DELETE_JOB, _CANCEL_JOB, _RETRY_JOB, _APPLY_JOB, _UNDO_JOB),
        *(*_GET_RULES, _DELETE_RULE, f"PATCH {_RULE}", f"POST {_RULE}/run"),
    ),
]
