"""The rules of the state of a project's images: list, and show one."""

from kingbird.policies import base

LIST = "kingbird:sync_state:list"
ALL_PROJECTS = "kingbird:sync_state:list:all_projects"
SHOW = "kingbird:sync_state:show"

_STATE = "/v1.0/{project_id}/os-sync-state"

RULES = [
    base.guard(
        LIST,
        base.READER,
        "List the project's images that are not in order, with the figures of the regions.",
        f"GET {_STATE}",
    ),
    base.guard(
        ALL_PROJECTS,
        base.ADMIN,
        "List the images of every project (all_projects), or the namespaces of metadata "
        f"definitions (resource_type), beside {LIST}.",
        f"GET {_STATE}",
    ),
    base.guard(
        SHOW,
        base.READER,
        "Show one of the project's images, or for an admin one of any project, as each region "
        "holds it now. The image services are asked with the caller's token.",
        f"GET {_STATE}/{{image_id}}",
    ),
]
