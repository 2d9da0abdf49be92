"""``/v1.0/{project}/os-sync-engines``: which engines there are, for admins."""

from typing import Any

import pecan
import webob
from oslo_config import cfg

from kingbird.api import validation
from kingbird.api.controllers import not_allowed
from kingbird.api.controllers.v1.projects import Projects
from kingbird.api.views import engines as view
from kingbird.db import api as db
from kingbird.policies import engines as policy

#: Leases without a sign of life after which an engine is taken for dead.
SILENT_LEASES = 2


class EnginesController:
    """Lists the engines."""

    def __init__(self, conf: cfg.ConfigOpts, projects: Projects) -> None:
        self._silence = SILENT_LEASES * conf.engine.lease
        self._projects = projects

    @pecan.expose(generic=True, template="json")
    def engines(self, request: webob.Request, response: webob.Response, project: str) -> None:
        """Refuse all but GET."""
        not_allowed()

    @engines.when(method="GET", template="json")
    def list_engines(
        self, request: webob.Request, response: webob.Response, project: str
    ) -> dict[str, Any]:
        """``GET /v1.0/{project}/os-sync-engines``"""
        self._projects.authorize(request, project, policy.LIST)
        validation.query(request)
        return {
            "engines": [
                view.shown(engine, alive) for engine, alive in db.engines.list_all(self._silence)
            ]
        }
