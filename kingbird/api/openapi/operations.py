"""Build operation objects of the OpenAPI document."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from kingbird.api.openapi.components import Components
from kingbird.api.openapi.examples import Example
from kingbird.api.request.operation import Operation
from kingbird.api.schemas.errors import MEANINGS
from kingbird.api.schemas.shapes import JSONSchema

#: The error codes of every operation that needs a token.
COMMON_ERRORS = (400, 401, 403, 503)

#: The parameters of paths.
PATH_PARAMETERS = {
    "project_id": "The id of the project that the token is for, with or without dashes.",
    "job_id": "The id of a job, with or without dashes.",
    "rule_id": "The id of a rule, with or without dashes.",
    "image_id": "The id of an image, with or without dashes.",
}

JSON = "application/json"


def name_of(code: int) -> str:
    """Return the component name of a code's response."""
    return HTTPStatus(code).phrase.replace(" ", "")


def _examples_object(examples: Sequence[tuple[Example, Any]]) -> dict[str, Any]:
    """Return the examples of a media type object."""
    if not examples:
        return {}
    return {
        "examples": {
            example.name: {"summary": example.summary, "value": body} for example, body in examples
        }
    }


def _description(operation: Operation, rules: Mapping[str, str]) -> str:
    if not operation.rules:
        return "Needs no token."
    guard, *more = operation.rules
    sentences = [f"Needs the policy `{guard}`: {rules[guard]}"]
    sentences += [f"The policy `{rule}`: {rules[rule]}" for rule in more]
    return "\n\n".join(sentences)


def _parameters(path: str, operation: Operation, components: Components) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"$ref": f"#/components/parameters/{name}"}
        for name in PATH_PARAMETERS
        if f"{{{name}}}" in path
    ]
    if operation.conditional:
        parameters.append(
            {
                "name": "If-None-Match",
                "in": "header",
                "required": False,
                "description": "The ETag of an earlier answer: 304 says that it is the present "
                "one.",
                "schema": {"type": "string"},
            }
        )
    for name, schema in operation.query["properties"].items():
        converted = components.reference(schema)
        parameter = {
            "name": name,
            "in": "query",
            "required": False,
            "description": converted.pop("description"),
            "schema": converted,
        }
        if schema["type"] == "array":
            # The values are separated by commas.
            parameter.update(style="form", explode=False)
        parameters.append(parameter)
    return parameters


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def error(code: int, examples: Iterable[Example]) -> dict[str, Any]:
    """Return the component of an error response.

    :param examples: examples of any operations.
    """
    recorded = [
        (each, each.response["body"]) for each in examples if each.response["status"] == code
    ]
    headers = ["X-Openstack-Request-Id"]
    if code in (429, 503):
        headers.append("Retry-After")
    if code == 401:
        headers.append("WWW-Authenticate")
    return {
        "description": MEANINGS[HTTPStatus(code)],
        "headers": _headers(*headers),
        "content": {
            JSON: {"schema": {"$ref": "#/components/schemas/Error"}, **_examples_object(recorded)}
        },
    }


def errors_of(operation: Operation) -> list[int]:
    """Return the error codes of an operation."""
    return sorted({*operation.errors, *(COMMON_ERRORS if operation.rules else ())})


def operation_object(
    path: str,
    operation: Operation,
    body: JSONSchema | None,
    components: Components,
    rules: Mapping[str, str],
    examples: Iterable[Example],
) -> dict[str, Any]:
    """Build an operation object.

    :param path: the path in OpenAPI's form, such as ``/v1.0/{project_id}/os-sync``.
    :param body: the schema of the request's body, if the operation takes one.
    :param rules: descriptions of policies by name.
    :param examples: examples of any operations.
    """
    successful = [
        each
        for each in examples
        if each.operation == operation.operation_id and each.response["status"] == operation.status
    ]
    result: dict[str, Any] = {
        "operationId": operation.operation_id,
        "summary": operation.summary,
        "description": _description(operation, rules),
        "tags": [_tag(path)],
    }
    if not operation.rules:
        result["security"] = []
    if parameters := _parameters(path, operation, components):
        result["parameters"] = parameters
    if body is not None:
        request_bodies = [
            (each, each.request["body"]) for each in successful if "body" in each.request
        ]
        result["requestBody"] = {
            "required": not operation.body_optional,
            "content": {
                JSON: {"schema": components.reference(body), **_examples_object(request_bodies)}
            },
        }
    headers = ["X-Openstack-Request-Id", *(["ETag"] if operation.conditional else ())]
    response_bodies = [(each, each.response["body"]) for each in successful]
    result["responses"] = {
        str(operation.status): {
            "description": HTTPStatus(operation.status).phrase,
            "headers": _headers(*headers),
        }
    }
    if operation.conditional:
        result["responses"]["304"] = {
            "description": "The answer is still the one of If-None-Match.",
            "headers": _headers(*headers),
        }
    if operation.response_schema is not None:
        result["responses"][str(operation.status)]["content"] = {
            JSON: {
                "schema": components.reference(operation.response_schema),
                **_examples_object(response_bodies),
            }
        }
    for code in errors_of(operation):
        result["responses"][str(code)] = {"$ref": f"#/components/responses/{name_of(code)}"}
    return result


def _tag(path: str) -> str:
    if "os-sync-engines" in path:
        return "engines"
    if "os-sync-rules" in path:
        return "sync-rules"
    return "sync-jobs" if "os-sync" in path else "versions"
