"""Authorize requests by the project in the path and the policies."""

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

import webob

from kingbird import exception
from kingbird.api.request import validation
from kingbird.api.request.hooks import context_of
from kingbird.context import RequestContext
from kingbird.policies import base, sync_jobs, sync_rules
from kingbird.policies.enforcer import Enforcer
from kingbird.states import ResourceType
from kingbird.sync.request import acts_on_orphans, imports_data

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

    def authorize(self, request: webob.Request, project: str, rule: str) -> "Rights":
        """Check that a rule allows a request for the project in its path.

        The path must name the token's project.  It may name another one if
        ``kingbird:sync_jobs:other_projects`` allows that.

        :returns: the caller's rights in the project.
        :raises kingbird.exception.BadRequest: the path has no valid project id.
        :raises kingbird.exception.Forbidden: the rule or the project does not allow the request.
        """
        path_project = validation.parse_path_uuid(project, "project id").replace("-", "")
        context = context_of(request)
        project_id = context.project_id or ""
        target = {"project_id": project_id}
        if path_project == project_id.replace("-", "").lower():
            self._enforcer.authorize(context, rule, target)
            return Rights(self._enforcer, context, project_id)
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
        return Rights(self._enforcer, context, path_project)


@dataclass(frozen=True)
class Rights:
    """The rights of the caller of a request in the project of its path.

    :ivar project_id: the project in Keystone's form, without dashes.
    """

    enforcer: Enforcer
    context: RequestContext
    project_id: str

    def allow(self, rule: str) -> bool:
        """Return True if a rule allows a part of a request."""
        return self.enforcer.allows(self.context, rule, {"project_id": self.project_id})

    def check(self, rule: str) -> None:
        """Check that a rule allows a part of a request.

        :raises kingbird.exception.Forbidden: the rule does not.
        """
        self.enforcer.authorize(self.context, rule, {"project_id": self.project_id})

    def can_see_all_projects(self) -> bool:
        """Return True if the caller may see jobs and rules about every project's images."""
        return self.allow(sync_jobs.ALL_PROJECTS)

    def check_every_project(self, noun: str = "jobs") -> None:
        """Check that the caller may list what belongs to any project.

        :param noun: what is listed, for the message.
        :raises kingbird.exception.Forbidden: a rule does not allow it.
        """
        for rule in (sync_jobs.OTHER_PROJECTS, sync_jobs.ALL_PROJECTS):
            if not self.allow(rule):
                raise exception.Forbidden(
                    f"all_projects is true, and the policy {rule} doesn't allow you to see the "
                    f"{noun} of every project"
                )

    def check_set(
        self,
        sync_set: Mapping[str, Any],
        name: str,
        *,
        all_projects: str = sync_jobs.CREATE_ALL_PROJECTS,
    ) -> None:
        """Check that the caller may have a set synced with its options.

        :param sync_set: the set as it is stored.
        :param name: what has the set, for the message.
        :param all_projects: the rule for a set about every project's images.
        :raises kingbird.exception.Forbidden: a rule does not allow an option.
        """
        about: list[tuple[str, str, str]] = []
        if sync_set["resource_type"] == ResourceType.METADEF:
            about.append(
                ("is about metadata definitions", sync_jobs.CREATE_METADEF, "to sync them")
            )
        elif sync_set["all_projects"]:
            about.append(("is about every project's images", all_projects, "to sync them"))
        if imports_data(sync_set):
            about.append(("has data imported", sync_jobs.IMPORT, "that"))
        if acts_on_orphans(sync_set):
            about.append(("has orphans hidden or deleted", sync_rules.ORPHANS, "that"))
        for what, rule, act in about:
            if not self.allow(rule):
                raise exception.Forbidden(
                    f"{name} {what}, and the policy {rule} doesn't allow you {act}"
                )

    def is_admin(self, roles: Collection[str] | None = None) -> bool:
        """Return True if Glance accepts the caller as an admin.

        :param roles: the roles that a trust delegates, instead of all the caller's roles.
        """
        if roles is None:
            return self.allow(base.ADMIN_REQUIRED)
        context = copy.copy(self.context)
        context.roles = list(roles)
        return replace(self, context=context).allow(base.ADMIN_REQUIRED)
