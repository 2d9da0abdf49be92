"""The rules of engines, which work for all projects."""

from kingbird.policies import base

LIST = "kingbird:engines:list"

RULES = [
    base.guard(
        LIST,
        base.ADMIN,
        "List the engines with their hosts, their last heartbeats, the jobs of any project that "
        "they work on, and the regions that fail.",
        "GET /v1.0/{project_id}/os-sync-engines",
    )
]
