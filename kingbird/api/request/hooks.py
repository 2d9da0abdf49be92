"""What Pecan does before a controller, and what it is kept from doing."""

from typing import Any, NoReturn

import pecan.hooks
import webob
from webob.multidict import MultiDict, NoVars

from kingbird.context import RequestContext


class Request(pecan.Request):
    """A request whose query and body Pecan leaves to the controller.

    Pecan would parse the body without a bound, before anything was authorized, and hand fields
    of body and query to controllers as arguments.
    """

    @property
    def GET(self) -> MultiDict:
        """No parameters; :class:`kingbird.api.request.query.QueryParser` reads them."""
        return NoVars("The query belongs to the controller")

    @property
    def params(self) -> MultiDict:
        """No parameters."""
        return self.GET

    @property
    def json(self) -> NoReturn:
        """No value; :func:`kingbird.api.request.body.read` reads the body."""
        raise ValueError("The body belongs to the controller")


class JSONHook(pecan.hooks.PecanHook):
    """Makes every answer JSON, whatever ``Accept`` and the path's last dot say."""

    def on_route(self, state: Any) -> None:
        """Settle it before Pecan begins to choose."""
        state.request.pecan["content_type"] = "application/json"


class ContextHook(pecan.hooks.PecanHook):
    """Puts who asks on the request, as keystonemiddleware found out.

    Public paths, which don't come through it, get no context.
    """

    def on_route(self, state: Any) -> None:
        """Set ``request.context``."""
        environ = state.request.environ
        if "keystone.token_info" in environ:
            state.request.context = RequestContext.from_environ(environ)


def context_of(request: webob.Request) -> RequestContext:
    """Return who asks.

    :raises AttributeError: the path is public.
    """
    context: RequestContext = request.context
    return context
