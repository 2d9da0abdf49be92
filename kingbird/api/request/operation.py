"""Calls of the API: each is described once, and served and documented by that description.

A controller's method names with :func:`call` the policy that guards it and the schemas of its
query, body and answer.  The method is called with what was asked, once all of that is in order;
:mod:`kingbird.api.openapi` makes the OpenAPI document of the same descriptions.
"""

import functools
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jsonschema_rs
import webob
from oslo_config import cfg

from kingbird import exception
from kingbird.api.request import body as request_body
from kingbird.api.request import query as request_query
from kingbird.api.request.authorization import Projects
from kingbird.api.request.validation import Schema, path_of
from kingbird.api.schemas.bounds import Bounds
from kingbird.context import RequestContext

LOG = logging.getLogger(__name__)

Body = Callable[[Bounds], dict[str, Any]]


@dataclass(frozen=True)
class Call:
    """What one method on one path takes and answers.

    :ivar operation: its name, which no other has.
    :ivar summary: what it does, in a few words.
    :ivar answer: the schema of a good answer.
    :ivar status: the HTTP status of that.
    :ivar rules: the policies, the first of which guards the call; without any, nobody is asked
        for a token.
    :ivar query: the schema of the query.
    :ivar body: makes the schema of the body; without, the body is not read.
    :ivar may_be_empty: whether no body at all counts as one.
    :ivar errors: what it can be answered with beside what all calls can.
    """

    operation: str
    summary: str
    answer: Mapping[str, Any]
    status: int = 200
    rules: tuple[str, ...] = ()
    query: Mapping[str, Any] = field(default_factory=lambda: request_query.NONE)
    body: Body | None = None
    may_be_empty: bool = False
    errors: tuple[int, ...] = ()


@dataclass(frozen=True)
class Asked:
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

    def __init__(self, described: Call, bounds: Bounds) -> None:
        self.query = request_query.Query(dict(described.query))
        self.body = None if described.body is None else Schema(described.body(bounds))
        self.answer = jsonschema_rs.Draft202012Validator(dict(described.answer))


class Gate:
    """What every call passes on its way in, and every answer on its way out.

    Who asks is looked at first: a request is read for nobody who may not make it.
    """

    def __init__(self, conf: cfg.ConfigOpts, projects: Projects) -> None:
        self._options = conf.api
        self._projects = projects
        self.bounds = Bounds.of(conf)
        self._compiled: dict[str, _Compiled] = {}

    def _schemas(self, described: Call) -> _Compiled:
        # Two threads may both make the first; either will do.
        made = self._compiled.get(described.operation)
        if made is None:
            made = self._compiled[described.operation] = _Compiled(described, self.bounds)
        return made

    def admit(
        self, described: Call, request: webob.Request, response: webob.Response, path: Any
    ) -> Asked:
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
        query = schemas.query.read(request)
        body = None
        if schemas.body is not None:
            text = request_body.read(request, self._options.max_request_body_size)
            if text.strip() or not described.may_be_empty:
                body = request_body.parse(text, self._options.max_json_depth)
                schemas.body.check(body)
        return Asked(request, response, context, project_id, tuple(more), query, body)

    def release(self, described: Call, answer: Any) -> Any:
        """Return an answer, after a look whether it is what was promised.

        :raises kingbird.exception.AnswerInvalid: it is not, and ``[api] response_validation``
            is ``error``.
        """
        mode = self._options.response_validation
        if mode == "ignore" or isinstance(answer, bytes):
            return answer
        answers = self._schemas(described).answer
        if answers.is_valid(answer):
            return answer
        error = next(answers.iter_errors(answer))
        # Values are the caller's own affair, and stay out of log and message.
        fault = f"at {path_of(error.instance_path) or 'its top'} ({error.schema_path[-1]})"
        if mode == "error":
            raise exception.AnswerInvalid(
                f"Response of {described.operation} does not match its schema {fault}"
            )
        LOG.warning("Response of %s does not match its schema %s", described.operation, fault)
        return answer


def call(operation: str, summary: str, **details: Any) -> Callable[[Any], Any]:
    """Describe a controller's method, which takes an :class:`Asked` and returns the answer.

    The controller has a :class:`Gate` as its ``gate``.

    :param details: the other fields of :class:`Call`.
    """
    described = Call(operation, summary, **details)

    def decorate(method: Callable[[Any, Asked], Any]) -> Any:
        @functools.wraps(method)
        def answered(
            self: Any, request: webob.Request, response: webob.Response, *path: str
        ) -> Any:
            asked = self.gate.admit(described, request, response, path)
            response.status_int = described.status
            return self.gate.release(described, method(self, asked))

        answered.call = described  # type: ignore[attr-defined]
        return answered

    return decorate


def public(operation: str, summary: str, **details: Any) -> Callable[[Any], Any]:
    """Describe a controller's method that anybody may call, whatever the query says.

    It takes request and response as Pecan hands them over.
    """
    described = Call(operation, summary, **details)

    def decorate(method: Callable[[Any, webob.Request, webob.Response], Any]) -> Any:
        @functools.wraps(method)
        def answered(self: Any, request: webob.Request, response: webob.Response) -> Any:
            return self.gate.release(described, method(self, request, response))

        answered.call = described  # type: ignore[attr-defined]
        return answered

    return decorate
