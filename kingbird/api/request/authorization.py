"""Authorize requests by the project in the path and the policies."""

import copy
from collections.abc import Collection

import webob

from kingbird import exception
from kingbird.api.request import validation
from kingbird.api.request.hooks import context_of
from kingbird.context import RequestContext
from kingbird.policies import base, sync_jobs, sync_rules
from kingbird.policies.enforcer import Enforcer

#: Rules that also apply to another project's path, for callers with ``other_projects``.
#: Operations that run with the caller's own rights are not among them: those rights belong to the
#: token's project.
CROSS_PROJECT_RULES = frozenset(
    {
        sync_jobs.LIST,
        sync_jobs.SHOW,
        sync_jobs.DELETE,
        sync_jobs.CANCEL,
        sync_rules.LIST,
        sync_rules.SHOW,
        sync_rules.DELETE,
    }
)


class Authorizer:
    """The policies, applied to the project in a path."""

    def __init__(self, enforcer: Enforcer) -> None:
        self._enforcer = enforcer

    def authorize(
        self, request: webob.Request, project: str, rule: str
    ) -> tuple[RequestContext, str]:
        """Check that a rule allows a request for the project in its path.

        The path must name the token's project.  It may name another one if
        ``kingbird:sync_jobs:other_projects`` allows that.

        :returns: the request's context, and the id of the path's project in Keystone's form,
            without dashes.
        :raises kingbird.exception.BadRequest: the path has no valid project id.
        :raises kingbird.exception.Forbidden: the rule or the project does not allow the request.
        """
        path_project = validation.parse_path_uuid(project, "project id").replace("-", "")
        context = context_of(request)
        project_id = context.project_id or ""
        target = {"project_id": project_id}
        if path_project == project_id.replace("-", "").lower():
            self._enforcer.authorize(context, rule, target)
            return context, project_id
        if rule not in CROSS_PROJECT_RULES or not self._enforcer.allows(
            context, sync_jobs.OTHER_PROJECTS, {"project_id": path_project}
        ):
            scope = f"project {project_id}" if project_id else "no project"
            raise exception.Forbidden(
                f"The token is not for the project in the path: it is for {scope}, and the path "
                f"names {path_project}"
            )
        # A caller needs the rule in the token's project too.
        self._enforcer.authorize(context, rule, target)
        return context, path_project

    def allows(self, context: RequestContext, project_id: str, rule: str) -> bool:
        """Return True if a rule allows a part of a request."""
        return self._enforcer.allows(context, rule, {"project_id": project_id})

    def can_see_all_projects(self, context: RequestContext, project_id: str) -> bool:
        """Return True if the caller may see jobs and rules about every project's images."""
        return self.allows(context, project_id, sync_jobs.ALL_PROJECTS)

    def check_all_projects(
        self, context: RequestContext, project_id: str, rule: str, field: str
    ) -> None:
        """Check that a rule lets the caller sync every project's images.

        :param field: the part of the body whose ``all_projects`` is true.
        :raises kingbird.exception.Forbidden: the rule does not.
        """
        if not self.allows(context, project_id, rule):
            raise exception.Forbidden(
                f"{field}.all_projects is true, and the policy {rule} doesn't allow you to sync "
                "the images of every project"
            )

    def is_admin(
        self, context: RequestContext, project_id: str, roles: Collection[str] | None = None
    ) -> bool:
        """Return True if Glance accepts the caller as an admin.

        :param roles: the roles that a trust delegates, instead of all the caller's roles.
        """
        if roles is not None:
            context = copy.copy(context)
            context.roles = list(roles)
        return self.allows(context, project_id, base.ADMIN_REQUIRED)
