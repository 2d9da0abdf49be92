"""``/v1.0``: the table of what there is."""

from typing import Any

import pecan
import webob
import webob.exc

from kingbird.api.controllers import not_allowed
from kingbird.api.controllers.v1.actions import ActionsController
from kingbird.api.controllers.v1.engines import EnginesController
from kingbird.api.controllers.v1.sync_jobs import SyncJobsController

VERSION = "v1.0"


def version(request: webob.Request) -> dict[str, Any]:
    """Return the version as keystoneauth reads it.

    :param request: says under which URL the caller knows the service.
    """
    return {
        "id": VERSION,
        "status": "CURRENT",
        "links": [{"rel": "self", "href": f"{request.application_url}/{VERSION}/"}],
    }


class V1Controller:
    """Routes everything of this version."""

    def __init__(
        self,
        sync_jobs: SyncJobsController,
        actions: ActionsController,
        engines: EnginesController,
    ) -> None:
        self._sync_jobs = sync_jobs
        self._actions = actions
        self._engines = engines

    @pecan.expose()
    def _route(self, path: list[str], request: webob.Request) -> tuple[Any, list[str]]:
        match path:
            case []:
                return self.index, []
            case [project, "os-sync"]:
                return self._sync_jobs.jobs, [project]
            case [project, "os-sync", "active"]:
                return self._sync_jobs.active, [project]
            case [project, "os-sync", job]:
                return self._sync_jobs.job, [project, job]
            case [project, "os-sync", job, "cancel"]:
                return self._actions.cancel, [project, job]
            case [project, "os-sync", job, "retry"]:
                return self._actions.retry, [project, job]
            case [project, "os-sync-engines"]:
                return self._engines.engines, [project]
        raise webob.exc.HTTPNotFound

    @pecan.expose(generic=True, template="json")
    def index(self, request: webob.Request, response: webob.Response) -> None:
        """Refuse all but GET."""
        not_allowed()

    @index.when(method="GET", template="json")
    def show_version(self, request: webob.Request, response: webob.Response) -> dict[str, Any]:
        """``GET /v1.0``"""
        return {"version": version(request)}
