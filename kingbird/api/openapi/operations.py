"""One call in OpenAPI's form."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from kingbird.api.openapi.components import Components
from kingbird.api.openapi.examples import Example
from kingbird.api.openapi.routes import RouteOperation
from kingbird.api.schemas.errors import MEANINGS
from kingbird.api.schemas.shapes import JSONSchema

#: What every call that asks for a token can be answered with.
COMMON_ERRORS = (400, 401, 403, 503)

#: The parameters of paths.
PATH_PARAMETERS = {
    "project_id": "The id of the project that the token is for, with or without dashes.",
    "job_id": "The id of a job, with or without dashes.",
}

JSON = "application/json"


def name_of(code: int) -> str:
    """Return the name of the component that a code's answer is."""
    return HTTPStatus(code).phrase.replace(" ", "")


def _of(operation: RouteOperation, examples: Iterable[Example]) -> list[Example]:
    return [each for each in examples if each.operation == operation.call.operation_id]


def _examples_object(examples: Sequence[tuple[Example, Any]]) -> dict[str, Any]:
    """Return what a media type has beside its schema."""
    if not examples:
        return {}
    return {
        "examples": {
            example.name: {"summary": example.summary, "value": body} for example, body in examples
        }
    }


def _description(call: Any, rules: Mapping[str, str]) -> str:
    if not call.rules:
        return "Needs no token."
    guard, *more = call.rules
    sentences = [f"Needs what the policy `{guard}` asks for: {rules[guard]}"]
    sentences += [f"The policy `{rule}`: {rules[rule]}" for rule in more]
    return "\n\n".join(sentences)


def _parameters(operation: RouteOperation, components: Components) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"$ref": f"#/components/parameters/{name}"}
        for name in PATH_PARAMETERS
        if f"{{{name}}}" in operation.path
    ]
    for name, schema in operation.call.query["properties"].items():
        converted = components.reference(schema)
        parameter = {
            "name": name,
            "in": "query",
            "required": False,
            "description": converted.pop("description"),
            "schema": converted,
        }
        if schema["type"] == "array":
            # Separated by commas.
            parameter.update(style="form", explode=False)
        parameters.append(parameter)
    return parameters


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def error(code: int, examples: Iterable[Example]) -> dict[str, Any]:
    """Return the component of an error's answer.

    :param examples: examples of any calls.
    """
    shown = [(each, each.response["body"]) for each in examples if each.response["status"] == code]
    headers = ["X-Openstack-Request-Id"]
    if code in (429, 503):
        headers.append("Retry-After")
    if code == 401:
        headers.append("WWW-Authenticate")
    return {
        "description": MEANINGS[HTTPStatus(code)],
        "headers": _headers(*headers),
        "content": {
            JSON: {"schema": {"$ref": "#/components/schemas/Error"}, **_examples_object(shown)}
        },
    }


def errors_of(call: Any) -> list[int]:
    """Return the codes of the errors that a call can be answered with."""
    return sorted({*call.errors, *(COMMON_ERRORS if call.rules else ())})


def operation_object(
    operation: RouteOperation,
    body: JSONSchema | None,
    components: Components,
    rules: Mapping[str, str],
    examples: Iterable[Example],
) -> dict[str, Any]:
    """Return an operation object.

    :param body: the schema of the request's body, if it takes one.
    :param rules: the policies' descriptions by their names.
    :param examples: examples of any calls.
    """
    call = operation.call
    recorded = _of(operation, examples)
    good = [each for each in recorded if each.response["status"] == call.status]
    made: dict[str, Any] = {
        "operationId": call.operation_id,
        "summary": call.summary,
        "description": _description(call, rules),
        "tags": [_tag(operation.path)],
    }
    if not call.rules:
        made["security"] = []
    if parameters := _parameters(operation, components):
        made["parameters"] = parameters
    if body is not None:
        asked = [(each, each.request["body"]) for each in good if "body" in each.request]
        made["requestBody"] = {
            "required": not call.body_optional,
            "content": {JSON: {"schema": components.reference(body), **_examples_object(asked)}},
        }
    answered = [(each, each.response["body"]) for each in good]
    made["responses"] = {
        str(call.status): {
            "description": HTTPStatus(call.status).phrase,
            "headers": _headers("X-Openstack-Request-Id"),
            "content": {
                JSON: {
                    "schema": components.reference(call.response_schema),
                    **_examples_object(answered),
                }
            },
        }
    }
    for code in errors_of(call):
        made["responses"][str(code)] = {"$ref": f"#/components/responses/{name_of(code)}"}
    return made


def _tag(path: str) -> str:
    if "os-sync-engines" in path:
        return "engines"
    return "sync-jobs" if "os-sync" in path else "versions"
