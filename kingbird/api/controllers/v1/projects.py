"""Who asks about which project, and what they may do there."""

import copy
from collections.abc import Collection

import webob

from kingbird import exception
from kingbird.api import validation
from kingbird.api.hooks import context_of
from kingbird.context import RequestContext
from kingbird.policies import base, sync_jobs
from kingbird.policies.enforcer import Enforcer


class Projects:
    """The rules, applied to the project in a path."""

    def __init__(self, enforcer: Enforcer) -> None:
        self._enforcer = enforcer

    def authorize(
        self, request: webob.Request, project: str, rule: str
    ) -> tuple[RequestContext, str]:
        """Go on only if the path is about the token's project and a rule allows it.

        :returns: who asks, and the project's id as Keystone writes it, without dashes; both ways
            are the same project.
        :raises kingbird.exception.BadRequest: the path names no project.
        :raises kingbird.exception.Forbidden: otherwise.
        """
        named = validation.uuid_in_path(project, "project id")
        context = context_of(request)
        project_id = context.project_id or ""
        if named.replace("-", "") != project_id.replace("-", "").lower():
            raise exception.Forbidden("The token is not for the project in the path")
        self._enforcer.authorize(context, rule, {"project_id": project_id})
        return context, project_id

    def allows(self, context: RequestContext, project_id: str, rule: str) -> bool:
        """Whether a rule allows something that only a part of a request is about."""
        return self._enforcer.allows(context, rule, {"project_id": project_id})

    def sees_all(self, context: RequestContext, project_id: str) -> bool:
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
