"""The controller of ``/``, the list of the API's versions."""

from typing import Any

import pecan
import webob
import webob.exc

from kingbird.api.controllers import v1
from kingbird.api.openapi import Route
from kingbird.api.request.operation import public_operation
from kingbird.api.schemas import versions as schema


class RootController:
    """The root of the routing: lists the versions and passes requests on to one."""

    def __init__(self, v1_controller: v1.V1Controller) -> None:
        self._v1 = v1_controller
        self.pipeline = v1_controller.pipeline

    @pecan.expose()
    def _route(self, path: list[str], request: webob.Request) -> tuple[Any, list[str]]:
        match path:
            case [] | [""]:
                return getattr(self, ROUTES[0].handler(request.method)), []
            case [v1.VERSION, *rest]:
                return self._v1._route(rest, request)
        raise webob.exc.HTTPNotFound

    @public_operation("list_versions", "List the versions", response_schema=schema.LISTED)
    def list_versions(self, request: webob.Request, response: webob.Response) -> dict[str, Any]:
        """``GET /``"""
        return {"versions": [v1.version(request)]}


#: All routes of the API.
ROUTES = (Route((), RootController, {"GET": "list_versions"}, is_versioned=False), *v1.ROUTES)
