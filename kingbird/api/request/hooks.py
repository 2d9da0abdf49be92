"""Pecan's hooks, and a request class that keeps Pecan from reading queries and bodies."""

from typing import Any, NoReturn

import pecan.hooks
import webob
from webob.multidict import MultiDict, NoVars

from kingbird.context import RequestContext


class Request(pecan.Request):
    """A request whose query and body Pecan does not read.

    Pecan would parse the body without a limit and before authorization, and pass fields of the
    body and the query to controllers as arguments.
    """

    @property
    def GET(self) -> MultiDict:
        """Return no parameters; :class:`kingbird.api.request.query.QueryParser` reads them."""
        return NoVars("The query belongs to the controller")

    @property
    def params(self) -> MultiDict:
        """Return no parameters."""
        return self.GET

    @property
    def json(self) -> NoReturn:
        """Raise an error; :func:`kingbird.api.request.body.read` reads the body."""
        raise ValueError("The body belongs to the controller")


class JSONHook(pecan.hooks.PecanHook):
    """A hook that makes every response JSON, regardless of ``Accept`` and of the path's suffix."""

    def on_route(self, state: Any) -> None:
        """Set the content type before Pecan chooses one."""
        state.request.pecan["content_type"] = "application/json"


class ContextHook(pecan.hooks.PecanHook):
    """A hook that creates the request context from keystonemiddleware's result.

    A public path has no context, because it bypasses keystonemiddleware.
    """

    def on_route(self, state: Any) -> None:
        """Set ``request.context``."""
        environ = state.request.environ
        if "keystone.token_info" in environ:
            state.request.context = RequestContext.from_environ(environ)


def context_of(request: webob.Request) -> RequestContext:
    """Return the context of a request.

    :raises AttributeError: the path is public.
    """
    return request.context
