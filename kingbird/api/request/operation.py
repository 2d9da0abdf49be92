"""Calls of the API: each is described once, and served and documented by that description.

A controller's method names with :func:`operation` the policy that guards it and the schemas of its
query, body and answer.  The method is called with what was asked, once all of that is in order;
:mod:`kingbird.api.openapi` makes the OpenAPI document of the same descriptions.
"""

import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs
import pecan
import webob
from oslo_config import cfg

from kingbird import exception
from kingbird.api.request import body as request_body
from kingbird.api.request import query as request_query
from kingbird.api.request.authorization import Authorizer
from kingbird.api.request.validation import Schema, json_path
from kingbird.api.schemas.bounds import RequestLimits
from kingbird.context import RequestContext

LOG = logging.getLogger(__name__)

Body = Callable[[RequestLimits], dict[str, Any]]


@dataclass(frozen=True)
class Operation:
    """What one method on one path takes and answers.

    :ivar operation_id: its name, which no other has.
    :ivar summary: what it does, in a few words.
    :ivar response_schema: the schema of a good answer.
    :ivar status: the HTTP status of that.
    :ivar rules: the policies, the first of which guards the call; without any, nobody is asked
        for a token.
    :ivar query: the schema of the query.
    :ivar body: makes the schema of the body; without, the body is not read.
    :ivar body_optional: whether no body at all counts as one.
    :ivar errors: what it can be answered with beside what all calls can.
    """

    operation_id: str
    summary: str
    response_schema: Mapping[str, Any]
    status: int = 200
    rules: tuple[str, ...] = ()
    query: Mapping[str, Any] = field(default_factory=lambda: request_query.NO_PARAMETERS)
    body: Body | None = None
    body_optional: bool = False
    errors: tuple[int, ...] = ()


@dataclass(frozen=True)
class ValidRequest:
    """What came in, all of it valid.

    :ivar project_id: as Keystone writes it, without dashes.
    :ivar path: what the path names beyond the project.
    :ivar query: the parameters of the query, by their names.
    :ivar body: what the body says; ``None`` of a call that takes none.
    """

    request: webob.Request
    response: webob.Response
    context: RequestContext
    project_id: str
    path: tuple[str, ...]
    query: dict[str, Any]
    body: Any


class _Compiled:
    """The schemas of a call, made ready."""

    def __init__(self, described: Operation, limits: RequestLimits) -> None:
        self.query = request_query.QueryParser(dict(described.query))
        self.body = None if described.body is None else Schema(described.body(limits))
        self.response_schema = jsonschema_rs.Draft202012Validator(dict(described.response_schema))


class RequestPipeline:
    """What every call passes on its way in, and every answer on its way out.

    Who asks is looked at first: a request is read for nobody who may not make it.
    """

    def __init__(self, conf: cfg.ConfigOpts, projects: Authorizer) -> None:
        self._options = conf.api
        self._projects = projects
        self.limits = RequestLimits.from_conf(conf)
        self._compiled: dict[str, _Compiled] = {}

    def _schemas(self, described: Operation) -> _Compiled:
        # Two threads may both make the first; either will do.
        made = self._compiled.get(described.operation_id)
        if made is None:
            made = self._compiled[described.operation_id] = _Compiled(described, self.limits)
        return made

    def validate_request(
        self, described: Operation, request: webob.Request, response: webob.Response, path: Any
    ) -> ValidRequest:
        """Return what was asked.

        :param path: the parts of the path that differ from request to request, the project
            first.
        :raises kingbird.exception.BadRequest: the query or the body is wrong.
        :raises kingbird.exception.Forbidden: the caller may not ask.
        :raises kingbird.exception.RequestTooLarge: the body is too large.
        """
        project, *more = path
        context, project_id = self._projects.authorize(request, project, described.rules[0])
        schemas = self._schemas(described)
        query = schemas.query.parse(request)
        body = None
        if schemas.body is not None:
            text = request_body.read(request, self._options.max_request_body_size)
            if text.strip() or not described.body_optional:
                body = request_body.parse(text, self._options.max_json_depth)
                schemas.body.validate(body)
        return ValidRequest(request, response, context, project_id, tuple(more), query, body)

    def validate_response(self, described: Operation, answer: Any) -> Any:
        """Return an answer, after a look whether it is what was promised.

        :raises kingbird.exception.InvalidResponse: it is not, and ``[api] response_validation``
            is ``error``.
        """
        mode = self._options.response_validation
        if mode == "ignore" or isinstance(answer, bytes):
            return answer
        schema = self._schemas(described).response_schema
        if schema.is_valid(answer):
            return answer
        error = next(schema.iter_errors(answer))
        # Values are the caller's own affair, and stay out of log and message.
        fault = f"at {json_path(error.instance_path) or 'its top'} ({error.schema_path[-1]})"
        if mode == "error":
            raise exception.InvalidResponse(
                f"Response of {described.operation_id} does not match its schema {fault}"
            )
        LOG.warning("Response of %s does not match its schema %s", described.operation_id, fault)
        return answer


def operation(operation_id: str, summary: str, **details: Any) -> Callable[[Any], Any]:
    """Describe a controller's method, which takes an :class:`ValidRequest` and returns the answer.

    The controller has a :class:`RequestPipeline` as its ``gate``.

    :param details: the other fields of :class:`Operation`.
    """
    described = Operation(operation_id, summary, **details)

    def decorate(method: Callable[[Any, ValidRequest], Any]) -> Any:
        @functools.wraps(method)
        def wrapper(
            self: Any, request: webob.Request, response: webob.Response, *path: str
        ) -> Any:
            asked = self.gate.validate_request(described, request, response, path)
            response.status_int = described.status
            return self.gate.validate_response(described, method(self, asked))

        wrapper.operation = described  # type: ignore[attr-defined]
        return pecan.expose(template="json")(wrapper)

    return decorate


def public_operation(
    operation_id: str, summary: str, *, template: str | None = "json", **details: Any
) -> Callable[[Any], Any]:
    """Describe a controller's method that anybody may call, whatever the query says.

    The method takes request and response as Pecan hands them over.

    :param template: how Pecan renders the answer; ``None`` for a method that returns bytes.
    """
    described = Operation(operation_id, summary, **details)

    def decorate(method: Callable[[Any, webob.Request, webob.Response], Any]) -> Any:
        @functools.wraps(method)
        def wrapper(self: Any, request: webob.Request, response: webob.Response) -> Any:
            return self.gate.validate_response(described, method(self, request, response))

        wrapper.operation = described  # type: ignore[attr-defined]
        return pecan.expose(template=template, content_type="application/json")(wrapper)

    return decorate
