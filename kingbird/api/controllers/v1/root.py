"""``/v1.0``: the table of what there is."""

import json
from collections.abc import Iterable
from typing import Any

import pecan
import webob
import webob.exc
from oslo_config import cfg

from kingbird.api import openapi
from kingbird.api.controllers import not_allowed
from kingbird.api.controllers.v1.actions import ActionsController
from kingbird.api.controllers.v1.engines import EnginesController
from kingbird.api.controllers.v1.sync_jobs import SyncJobsController
from kingbird.api.openapi import Route
from kingbird.api.request.operation import RequestPipeline, public_operation
from kingbird.api.schemas import versions as schema

VERSION = "v1.0"
#: Where the API describes itself, below the version.
DESCRIPTION = "openapi.json"
#: For how many seconds that may be kept.
MAX_AGE = 300


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
    """Routes everything of this version.

    :param described: the routes that the description of the API is about.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        gate: RequestPipeline,
        described: Iterable[Route],
        sync_jobs: SyncJobsController,
        actions: ActionsController,
        engines: EnginesController,
    ) -> None:
        self._conf = conf
        self.gate = gate
        self._described = tuple(described)
        controllers = {type(each): each for each in (self, sync_jobs, actions, engines)}
        self._routes = [
            (route, getattr(controllers[route.controller], route.name)) for route in ROUTES
        ]
        self._description: bytes | None = None

    @pecan.expose()
    def _route(self, path: list[str], request: webob.Request) -> tuple[Any, list[str]]:
        for route, method in self._routes:
            if (names := route.match(path)) is not None:
                return method, names
        raise webob.exc.HTTPNotFound

    @pecan.expose(generic=True, template="json")
    def index(self, request: webob.Request, response: webob.Response) -> None:
        """Refuse all but GET."""
        not_allowed()

    @index.when(method="GET", template="json")
    @public_operation("show_version", "Show the version", response_schema=schema.SHOWN)
    def show_version(self, request: webob.Request, response: webob.Response) -> dict[str, Any]:
        """``GET /v1.0``"""
        return {"version": version(request)}

    @pecan.expose(generic=True, content_type="application/json")
    def description(self, request: webob.Request, response: webob.Response) -> None:
        """Refuse all but GET."""
        not_allowed()

    @description.when(method="GET", content_type="application/json")
    @public_operation(
        "show_description", "Show this description of the API", response_schema=schema.DESCRIPTION
    )
    def show_description(self, request: webob.Request, response: webob.Response) -> bytes:
        """``GET /v1.0/openapi.json``"""
        if self._description is None:
            document = openapi.build(self._conf, self._described)
            self._description = json.dumps(document).encode()
        response.cache_control = f"public, max-age={MAX_AGE}"
        return self._description


#: Everything below ``/v1.0``, the first that fits.
ROUTES = (
    Route((), V1Controller, "index"),
    Route((DESCRIPTION,), V1Controller, "description"),
    Route(("{project_id}", "os-sync"), SyncJobsController, "jobs"),
    Route(("{project_id}", "os-sync", "active"), SyncJobsController, "active"),
    Route(("{project_id}", "os-sync", "{job_id}"), SyncJobsController, "job"),
    Route(("{project_id}", "os-sync", "{job_id}", "cancel"), ActionsController, "cancel"),
    Route(("{project_id}", "os-sync", "{job_id}", "retry"), ActionsController, "retry"),
    Route(("{project_id}", "os-sync-engines"), EnginesController, "engines"),
)
