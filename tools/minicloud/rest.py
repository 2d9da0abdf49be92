"""Plain HTTP to the services, and a client of Keystone's API."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from minicloud.errors import MinicloudError

# The services listen on loopback, so a proxy of the environment must not be used.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(url: str, timeout: float) -> bool:
    """Return True if the URL answers a GET with a status below 400 within the timeout."""
    try:
        with _OPENER.open(url, timeout=timeout):
            return True
    except OSError:
        return False


class Keystone:
    """A client of Keystone's v3 API for one user, with a token scoped to a project."""

    def __init__(self, auth_url: str, user: str, password: str, project: str) -> None:
        self.auth_url = auth_url
        default = {"id": "default"}
        identity = {"user": {"name": user, "domain": default, "password": password}}
        scope = {"project": {"name": project, "domain": default}}
        self._login = {
            "auth": {
                "identity": {"methods": ["password"], "password": identity},
                "scope": scope,
            }
        }
        self._token = ""

    @property
    def token(self) -> str:
        """Return the token, which the first call requests."""
        if not self._token:
            headers, _ = self._send("POST", "/auth/tokens", self._login, {})
            self._token = headers["X-Subject-Token"]
        return self._token

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """Send a request and return the parsed response.

        :raises MinicloudError: Keystone returns an error or does not answer.
        """
        return self._send(method, path, body, {"X-Auth-Token": self.token})[1]

    def _send(
        self, method: str, path: str, body: object, headers: dict[str, str]
    ) -> tuple[Any, Any]:
        request = urllib.request.Request(
            self.auth_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **headers},
        )
        try:
            with _OPENER.open(request, timeout=60) as answer:
                text = answer.read()
                return answer.headers, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            detail = error.read().decode(errors="replace")
            raise MinicloudError(f"{method} {path}: {error.code} {detail}") from None
        except OSError as error:
            raise MinicloudError(f"{method} {request.full_url}: {error}") from None
