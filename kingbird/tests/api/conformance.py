"""Compares responses of the API with its OpenAPI document.

A test double may stray from the document, and so may code that answers before a controller does.
This layer therefore wraps the whole application.
"""

import re
from collections.abc import Iterable
from typing import Any

import jsonschema_rs
import webob

_NAME = re.compile(r"\{\w+\}")


class Conforming:
    """A WSGI layer that fails if the document does not describe a response.

    :param application: the application behind this layer.
    :param document: the OpenAPI document.
    """

    def __init__(self, application: Any, document: dict[str, Any]) -> None:
        self._application = application
        self._document = document
        self._validators: dict[tuple[str, str, int], Any] = {}
        # A path without parameters takes precedence over one with them.
        self._paths = [
            (re.compile("[^/]+".join(map(re.escape, _NAME.split(path)))), path)
            for path in sorted(document["paths"], key=lambda path: "{" in path.split("/")[-1])
        ]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Forward a request and check its response.

        :raises AssertionError: the document does not describe such a response.
        """
        request = webob.Request(environ)
        # Methods are case-sensitive, so "get" is not GET.
        method = request.method.lower() if request.method.isupper() else None
        path = environ.get("PATH_INFO", "")
        response = request.get_response(self._application)
        template = self._template(path)
        if (
            template is not None
            and method is not None
            and method in self._document["paths"][template]
        ):
            self._check(template, method, response)
        answer: Iterable[bytes] = response(environ, start_response)
        return answer

    def _template(self, path: str) -> str | None:
        path = re.sub("/+", "/", f"/{path}/").rstrip("/") or "/"
        return next(
            (template for pattern, template in self._paths if pattern.fullmatch(path)), None
        )

    def _check(self, path: str, method: str, response: webob.Response) -> None:
        code = response.status_int
        if code == 500:
            # A test that breaks the service on purpose gets this status.  The document does not
            # promise it.
            return
        operation = self._document["paths"][path][method]
        found = operation["responses"].get(str(code))
        assert found is not None, f"{method} {path} answers {code}: {response.text}"
        found = self._resolved(found)
        for name, header in found["headers"].items():
            if not self._resolved(header).get("required", True):
                continue
            assert name in response.headers, f"{method} {path} answers {code} without {name}"
        if "content" not in found:
            assert not response.body, f"{method} {path} answers {code} with a body"
            return
        key = (path, method, code)
        if key not in self._validators:
            schema = {
                **found["content"]["application/json"]["schema"],
                "components": self._document["components"],
            }
            self._validators[key] = jsonschema_rs.Draft202012Validator(schema)
        self._validators[key].validate(response.json)

    def _resolved(self, part: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in part:
            _, _, kind, name = part["$ref"].split("/")
            part = self._document["components"][kind][name]
        return part
