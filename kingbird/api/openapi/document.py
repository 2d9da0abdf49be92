"""Build the OpenAPI 3.1 document."""

from collections.abc import Iterable
from typing import Any

from oslo_config import cfg

from kingbird import policies
from kingbird.api.openapi import operations
from kingbird.api.openapi.components import Components
from kingbird.api.openapi.examples import Example
from kingbird.api.openapi.routes import Route
from kingbird.api.schemas import formats
from kingbird.api.schemas.errors import ERROR
from kingbird.api.schemas.limits import RequestLimits
from kingbird.api.schemas.versions import VERSION

_INFO = {
    "title": "Kingbird",
    "version": "1.0",
    "summary": "Makes an image that exists in one OpenStack region exist in the others.",
    "description": "The service type is `synchronization`. Unknown fields and unknown parameters "
    "of a query are refused. Slashes at the end of a path, or doubled, make no difference. Times "
    "are in UTC.",
    "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}

_TAGS = [
    {"name": "versions", "description": "Which versions there are."},
    {"name": "sync-jobs", "description": "Jobs, which make images exist in other regions."},
    {"name": "engines", "description": "The programs that work on jobs."},
]

_HEADERS = {
    "X-Openstack-Request-Id": {
        "description": "The request's id, which Kingbird's logs name.",
        "schema": {"type": "string", "pattern": "^req-"},
    },
    "Retry-After": {
        "description": "Seconds after which trying again makes sense.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "ETag": {
        "description": "The tag of this answer, for If-None-Match. A list without a limit has "
        "none if it is longer than [api] max_limit.",
        "required": False,
        "schema": {"type": "string", "pattern": '^"[0-9a-f]+"$'},
    },
    "WWW-Authenticate": {
        "description": "Where tokens are to be had.",
        "schema": {"type": "string"},
    },
}


def build(
    conf: cfg.ConfigOpts, routes: Iterable[Route], examples: Iterable[Example] = ()
) -> dict[str, Any]:
    """Build the document."""
    limits = RequestLimits.from_conf(conf)
    rules = {rule.name: rule.description or "" for rule in policies.list_rules()}
    components = Components()
    examples = list(examples)
    components.reference(ERROR)
    paths: dict[str, dict[str, Any]] = {}
    codes: set[int] = set()
    for route in routes:
        path = route.template(VERSION)
        for method, operation in route.operations().items():
            body = None if operation.body is None else operation.body(limits)
            paths.setdefault(path, {})[method.lower()] = operations.operation_object(
                path, operation, body, components, rules, examples
            )
            codes.update(operations.errors_of(operation))
    return {
        "openapi": "3.1.0",
        "info": _INFO,
        "servers": [{"url": "/"}],
        "security": [{"token": []}],
        "tags": _TAGS,
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.schemas.items())),
            "parameters": {
                name: {
                    "name": name,
                    "in": "path",
                    "required": True,
                    "description": description,
                    "schema": {"type": "string", "pattern": formats.PATTERNS[formats.UUID]},
                }
                for name, description in operations.PATH_PARAMETERS.items()
            },
            "headers": _HEADERS,
            "responses": {
                operations.name_of(code): operations.error(code, examples)
                for code in sorted(codes)
            },
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Auth-Token",
                    "description": "A Keystone token that is scoped to the project in the path.",
                }
            },
        },
    }
