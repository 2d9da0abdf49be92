"""The controller of ``/v1.0`` and its table of routes."""

import json
from collections.abc import Iterable
from typing import Any

import webob
from oslo_config import cfg

from kingbird.api import openapi
from kingbird.api.controllers.v1.actions import ActionsController
from kingbird.api.controllers.v1.engines import EnginesController
from kingbird.api.controllers.v1.sync_jobs import SyncJobsController
from kingbird.api.controllers.v1.sync_rules import SyncRulesController
from kingbird.api.controllers.v1.sync_state import SyncStateController
from kingbird.api.openapi import Route
from kingbird.api.request.operation import RequestPipeline, public_operation
from kingbird.api.schemas import versions as schema
from kingbird.api.schemas.versions import VERSION

#: The path of the API's description below the version.
DESCRIPTION = "openapi.json"
#: Seconds for which clients may cache the description.
MAX_AGE = 300


def version(request: webob.Request) -> dict[str, Any]:
    """Return the version's entry in the form that keystoneauth reads.

    :param request: provides the service's URL as the caller knows it.
    """
    return {
        "id": VERSION,
        "status": "CURRENT",
        "links": [{"rel": "self", "href": f"{request.application_url}/{VERSION}/"}],
    }


class V1Controller:
    """The version, and the description of its API.

    :param documented_routes: the routes in the API's description.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, pipeline: RequestPipeline, documented_routes: Iterable[Route]
    ) -> None:
        self._conf = conf
        self.pipeline = pipeline
        self._documented_routes = tuple(documented_routes)
        self._description: bytes | None = None

    @public_operation("show_version", "Show the version", response_schema=schema.SHOWN)
    def show_version(self, request: webob.Request, response: webob.Response) -> dict[str, Any]:
        """``GET /v1.0``"""
        return {"version": version(request)}

    @public_operation(
        "show_description",
        "Show this description of the API",
        response_schema=schema.DESCRIPTION,
        template=None,
    )
    def show_description(self, request: webob.Request, response: webob.Response) -> bytes:
        """``GET /v1.0/openapi.json``"""
        if self._description is None:
            document = openapi.build(self._conf, self._documented_routes)
            self._description = json.dumps(document).encode()
        response.cache_control = f"public, max-age={MAX_AGE}"
        return self._description


_JOBS, _JOB = "{project_id}/os-sync", "{project_id}/os-sync/{job_id}"
_RULES, _RULE = "{project_id}/os-sync-rules", "{project_id}/os-sync-rules/{rule_id}"
_STATE = "{project_id}/os-sync-state"

#: The routes below ``/v1.0``.  The first one that matches counts.
ROUTES = (
    Route("", V1Controller, {"GET": "show_version"}),
    Route(DESCRIPTION, V1Controller, {"GET": "show_description"}),
    Route(_JOBS, SyncJobsController, {"GET": "list_jobs", "POST": "create_job"}),
    Route(f"{_JOBS}/active", SyncJobsController, {"GET": "list_active"}),
    Route(f"{_JOBS}/detail", SyncJobsController, {"GET": "list_details"}),
    Route(_JOB, SyncJobsController, {"GET": "show_job", "DELETE": "delete_job"}),
    Route(f"{_JOB}/cancel", ActionsController, {"POST": "cancel_job"}),
    Route(f"{_JOB}/retry", ActionsController, {"POST": "retry_job"}),
    Route(f"{_JOB}/apply", ActionsController, {"POST": "apply_job"}),
    Route(f"{_JOB}/undo", ActionsController, {"POST": "undo_job"}),
    Route(_RULES, SyncRulesController, {"GET": "list_rules", "POST": "create_rule"}),
    Route(
        _RULE,
        SyncRulesController,
        {"GET": "show_rule", "PATCH": "update_rule", "DELETE": "delete_rule"},
    ),
    Route(f"{_RULE}/run", SyncRulesController, {"POST": "run_rule"}),
    Route(_STATE, SyncStateController, {"GET": "list_state"}),
    Route(f"{_STATE}/{{image_id}}", SyncStateController, {"GET": "show_state"}),
    Route("{project_id}/os-sync-engines", EnginesController, {"GET": "list_engines"}),
)
