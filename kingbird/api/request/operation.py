"""Operations of the API: each is declared once, then served and documented from the declaration.

A controller's method declares with :func:`operation` the policies that guard it and the schemas of
its query, body and response.  The method is called with a request that is valid.
:mod:`kingbird.api.openapi` generates the OpenAPI document from the same declarations.
"""

import functools
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import jsonschema_rs
import pecan
import webob
from oslo_config import cfg

from kingbird import exception
from kingbird.api.request import body as request_body
from kingbird.api.request import conditional, pagination, streaming
from kingbird.api.request import query as request_query
from kingbird.api.request.authorization import Authorizer, Rights
from kingbird.api.request.validation import Schema, json_path
from kingbird.api.schemas.limits import RequestLimits
from kingbird.context import RequestContext

LOG = logging.getLogger(__name__)

Body = Callable[[RequestLimits], dict[str, Any]]


@dataclass(frozen=True)
class Operation:
    """A method on a path, with its policies and schemas.

    :ivar response_schema: the schema of a successful response, or ``None`` if it has no body.
    :ivar rules: policies, of which the first one guards the operation.  An operation without
        policies needs no token.
    :ivar body: returns the schema of the body.  Without it the body is not read.
    :ivar errors: error codes beside the common ones.
    :ivar conditional: whether the answer has a tag; see :mod:`kingbird.api.request.conditional`.
    """

    operation_id: str
    summary: str
    response_schema: Mapping[str, Any] | None
    status: int = 200
    rules: tuple[str, ...] = ()
    query: Mapping[str, Any] = field(default_factory=lambda: request_query.NO_PARAMETERS)
    body: Body | None = None
    body_optional: bool = False
    errors: tuple[int, ...] = ()
    conditional: bool = False


@dataclass(frozen=True)
class ValidRequest:
    """A request that has passed validation.

    :ivar rights: what the caller may do in the project of the path.
    :ivar path: the values in the path after the project.
    :ivar body: the parsed body; ``None`` if the operation takes none.
    :ivar response: the response, for headers.
    :ivar max_limit: the largest limit of a page.
    """

    webob_request: webob.Request
    rights: Rights
    path: tuple[str, ...]
    query: dict[str, Any]
    body: Any
    response: webob.Response
    max_limit: int

    @property
    def context(self) -> RequestContext:
        """Return the context of the request."""
        return self.rights.context

    @property
    def project_id(self) -> str:
        """Return the project of the path in Keystone's form, without dashes."""
        return self.rights.project_id

    def page(self, **changes: Any) -> pagination.Page:
        """Return the page of a list that the query asks for.

        :param changes: parameters in place of those of the query.
        """
        return pagination.from_request(
            self.webob_request, {**self.query, **changes}, self.max_limit
        )

    def end_if_unchanged(self, *parts: Any) -> None:
        """Answer 304 if the caller has the present answer; see :func:`conditional.check`.

        :param parts: what the answer depends on.
        """
        conditional.check(self.webob_request, self.response, *parts)


class _Compiled:
    """The compiled schemas of an operation."""

    def __init__(self, operation: Operation, limits: RequestLimits) -> None:
        self.query = request_query.QueryParser(dict(operation.query))
        self.body = None if operation.body is None else Schema(operation.body(limits))
        self.response_schema = jsonschema_rs.Draft202012Validator(
            dict(operation.response_schema or {})
        )


class RequestPipeline:
    """The checks that every request passes before its handler, and every response after it.

    Authorization comes first: nothing is read for a caller who may not make the request.
    """

    def __init__(self, conf: cfg.ConfigOpts, authorizer: Authorizer) -> None:
        self._options = conf.api
        self._authorizer = authorizer
        self.limits = RequestLimits.from_conf(conf)
        self._compiled: dict[str, _Compiled] = {}

    def _schemas(self, operation: Operation) -> _Compiled:
        # Two threads may both compile the schemas.  Either result is valid.
        compiled = self._compiled.get(operation.operation_id)
        if compiled is None:
            compiled = self._compiled[operation.operation_id] = _Compiled(operation, self.limits)
        return compiled

    def validate_request(
        self, operation: Operation, request: webob.Request, response: webob.Response, path: Any
    ) -> ValidRequest:
        """Authorize a request, and parse and validate its query and body.

        :param path: the values in the path, the project first.
        :raises kingbird.exception.BadRequest: the query or the body is invalid.
        :raises kingbird.exception.Forbidden: the caller may not make the request.
        :raises kingbird.exception.RequestTooLarge: the body is too large.
        """
        project, *more = path
        rights = self._authorizer.authorize(request, project, operation.rules[0])
        schemas = self._schemas(operation)
        query = schemas.query.parse(request)
        body = None
        if schemas.body is not None:
            text = request_body.read(request, self._options.max_request_body_size)
            if text.strip() or not operation.body_optional:
                body = request_body.parse(text, self._options.max_json_depth)
                schemas.body.validate(body)
        limit = self._options.max_limit
        return ValidRequest(request, rights, tuple(more), query, body, response, limit)

    def validate_response(self, operation: Operation, answer: Any) -> Any:
        """Return a response after checking it against its schema.

        :raises kingbird.exception.InvalidResponse: the response does not match, and ``[api]
            response_validation`` is ``error``.
        """
        mode = self._options.response_validation
        if mode == "ignore" or isinstance(answer, bytes) or answer is None:
            return answer
        schema = self._schemas(operation).response_schema
        if schema.is_valid(answer):
            return answer
        error = next(schema.iter_errors(answer))
        # Values belong to the caller and are left out of logs and messages.
        fault = f"at {json_path(error.instance_path) or 'its top'} ({error.schema_path[-1]})"
        if mode == "error":
            raise exception.InvalidResponse(
                f"Response of {operation.operation_id} does not match its schema {fault}"
            )
        LOG.warning("Response of %s does not match its schema %s", operation.operation_id, fault)
        return answer

    def respond(self, operation: Operation, answer: Any, response: webob.Response) -> Any:
        """Return a valid response: the answer, or ``response`` if it sends several parts of one.

        :param answer: the answer, or an iterator of its parts; see :func:`streaming.join`.
        """
        if not isinstance(answer, Iterator):
            return self.validate_response(operation, answer)
        parts = (self.validate_response(operation, part) for part in answer)
        # Errors are answered as usual until the second part is there.
        begin = [part for part in (next(parts), next(parts, None)) if part is not None]
        if len(begin) == 1:
            return begin[0]
        response.content_type = "application/json"
        response.app_iter = streaming.join(chain(begin, parts))
        return response


def operation(operation_id: str, summary: str, **details: Any) -> Callable[[Any], Any]:
    """Declare a controller's method that takes a :class:`ValidRequest` and returns the response.

    The controller has a :class:`RequestPipeline` as its ``pipeline``.

    :param details: the other fields of :class:`Operation`.
    """
    operation = Operation(operation_id, summary, **details)

    def decorate(method: Callable[[Any, ValidRequest], Any]) -> Any:
        @functools.wraps(method)
        def wrapper(
            self: Any, request: webob.Request, response: webob.Response, *path: str
        ) -> Any:
            valid_request = self.pipeline.validate_request(operation, request, response, path)
            response.status_int = operation.status
            try:
                answer = self.pipeline.respond(operation, method(self, valid_request), response)
            except conditional.NotModified:
                return conditional.not_modified(response)
            return b"" if operation.response_schema is None else answer

        wrapper.operation = operation  # type: ignore[attr-defined]
        # The renderer would turn None into the text "null".
        template = None if operation.response_schema is None else "json"
        return pecan.expose(template=template, content_type="application/json")(wrapper)

    return decorate


def public_operation(
    operation_id: str, summary: str, *, template: str | None = "json", **details: Any
) -> Callable[[Any], Any]:
    """Declare a controller's method that needs no token and ignores the query.

    The method takes Pecan's request and response.

    :param template: Pecan's renderer; ``None`` for a method that returns bytes.
    """
    operation = Operation(operation_id, summary, **details)

    def decorate(method: Callable[[Any, webob.Request, webob.Response], Any]) -> Any:
        @functools.wraps(method)
        def wrapper(self: Any, request: webob.Request, response: webob.Response) -> Any:
            return self.pipeline.validate_response(operation, method(self, request, response))

        wrapper.operation = operation  # type: ignore[attr-defined]
        return pecan.expose(template=template, content_type="application/json")(wrapper)

    return decorate
