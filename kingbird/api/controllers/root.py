"""The controller of ``/``, the list of the API's versions."""

from collections.abc import Iterable
from typing import Any

import pecan
import webob
import webob.exc

from kingbird.api.controllers.v1 import root as v1
from kingbird.api.openapi import Route
from kingbird.api.request.operation import RequestPipeline, public_operation
from kingbird.api.schemas import versions as schema


class RootController:
    """The routing of all paths, and the list of the versions.

    :param controllers: the controllers that the routes name, one of each class.
    """

    def __init__(self, pipeline: RequestPipeline, controllers: Iterable[object]) -> None:
        self.pipeline = pipeline
        self._controllers = {type(each): each for each in (self, *controllers)}

    @pecan.expose()
    def _route(self, path: list[str], request: webob.Request) -> tuple[Any, list[str]]:
        for route in ROUTES:
            if (names := route.match(path, v1.VERSION)) is not None:
                controller = self._controllers[route.controller]
                return getattr(controller, route.handler(request.method)), names
        raise webob.exc.HTTPNotFound

    @public_operation("list_versions", "List the versions", response_schema=schema.LISTED)
    def list_versions(self, request: webob.Request, response: webob.Response) -> dict[str, Any]:
        """``GET /``"""
        return {"versions": [v1.version(request)]}


#: All routes of the API.
ROUTES = (Route("", RootController, {"GET": "list_versions"}, is_versioned=False), *v1.ROUTES)
