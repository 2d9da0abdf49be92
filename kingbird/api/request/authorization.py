"""Who asks about which project, and what they may do there."""

import copy
from collections.abc import Collection

import webob

from kingbird import exception
from kingbird.api.request import validation
from kingbird.api.request.hooks import context_of
from kingbird.context import RequestContext
from kingbird.policies import base, sync_jobs
from kingbird.policies.enforcer import Enforcer

#: What may be done in another project's path, by who may at all.  Not what runs with the
#: caller's own rights, which are those in the token's project.
CROSS_PROJECT_RULES = frozenset(
    {sync_jobs.LIST, sync_jobs.SHOW, sync_jobs.DELETE, sync_jobs.CANCEL}
)


class Authorizer:
    """The rules, applied to the project in a path."""

    def __init__(self, enforcer: Enforcer) -> None:
        self._enforcer = enforcer

    def authorize(
        self, request: webob.Request, project: str, rule: str
    ) -> tuple[RequestContext, str]:
        """Go on only if a rule allows it, and the path is about the token's project.

        About another one it may be where ``kingbird:sync_jobs:other_projects`` allows that.

        :returns: who asks, and the id of the path's project as Keystone writes it, without
            dashes; both ways are the same project.
        :raises kingbird.exception.BadRequest: the path names no project.
        :raises kingbird.exception.Forbidden: otherwise.
        """
        named = validation.parse_path_uuid(project, "project id")
        context = context_of(request)
        project_id = context.project_id or ""
        target = {"project_id": project_id}
        plain = named.replace("-", "")
        if plain == project_id.replace("-", "").lower():
            self._enforcer.authorize(context, rule, target)
            return context, project_id
        if rule not in CROSS_PROJECT_RULES or not self._enforcer.allows(
            context, sync_jobs.OTHER_PROJECTS, {"project_id": plain}
        ):
            scope = f"project {project_id}" if project_id else "no project"
            raise exception.Forbidden(
                f"The token is not for the project in the path: it is for {scope}, and the path "
                f"names {plain}"
            )
        # Who may not do it at home may not do it elsewhere.
        self._enforcer.authorize(context, rule, target)
        return context, plain

    def allows(self, context: RequestContext, project_id: str, rule: str) -> bool:
        """Whether a rule allows something that only a part of a request is about."""
        return self._enforcer.allows(context, rule, {"project_id": project_id})

    def can_see_all_projects(self, context: RequestContext, project_id: str) -> bool:
        """Whether the caller may know of jobs that are about every project's images."""
        return self.allows(context, project_id, sync_jobs.ALL_PROJECTS)

    def is_admin(
        self, context: RequestContext, project_id: str, roles: Collection[str] | None = None
    ) -> bool:
        """Whether Glance will take the caller for an admin.

        :param roles: the only ones of the caller's roles that a trust passes on.
        """
        if roles is not None:
            context = copy.copy(context)
            context.roles = list(roles)
        return self.allows(context, project_id, base.ADMIN_REQUIRED)
