"""A cloud for ``openstack`` in one process: the real API, images of doubles, and a Keystone.

The Keystone gives everybody the token of their name, which the API of
:mod:`kingbird.tests.api.world` knows, and tells admins alone of a project by its name.
"""

import json
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl

from cheroot import wsgi
from keystoneauth1 import fixture as ksa_fixture

from kingbird.tests.api.fixtures import World as ApiWorld
from kingbird.tests.api.fixtures import current
from kingbird.tests.api.world import MEMBER_ROLES, OTHER_PROJECT, PROJECT, REGIONS
from kingbird.tests.doubles.glance_rules import Caller

#: The name of the other project, and its domain's.
OTHER_NAME, OTHER_DOMAIN = "theirs", "abroad"

Answer = tuple[str, list[tuple[str, str]], bytes]


class Cloud:
    """A context manager; while it is open, ``environment`` leads there."""

    def __enter__(self) -> "Cloud":
        self._world = ApiWorld()
        self._world.start_fixture()
        #: The calls that came to the API: method and path with the query.
        self.calls: list[tuple[str, str]] = []
        #: Answers that the API is to give in place of its own, the next one first.
        self.instead: list[Answer] = []
        self._server = wsgi.Server(("127.0.0.1", 0), self._answer, numthreads=3)
        # It looks so often whether it has to stop.
        self._server.expiration_interval = 0.05
        self._server.prepare()
        self.url = f"http://127.0.0.1:{self._server.bind_addr[1]}"
        self._thread = threading.Thread(target=self._server.serve)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.stop()
        self._thread.join()
        self._world.stop_fixture()

    def environment(self, user: str = "member") -> dict[str, str]:
        """Return the variables that make ``openstack`` a user of this cloud."""
        return {
            "OS_AUTH_URL": f"{self.url}/identity/v3",
            "OS_USERNAME": user,
            "OS_PASSWORD": "secret",
            "OS_PROJECT_ID": PROJECT,
            "OS_USER_DOMAIN_ID": "default",
            "OS_IDENTITY_API_VERSION": "3",
            "NO_PROXY": "127.0.0.1",
        }

    @property
    def world(self) -> Any:
        """Return the state behind the API, a :class:`kingbird.tests.api.world.World`."""
        return current()

    def add_image(self, region: str, image_id: str, name: str, **fields: Any) -> None:
        """Put an image of the project into a region."""
        images = self.world.glances[region].images_for(PROJECT, is_admin=True)
        images.create({"id": image_id, "name": name, **fields})

    def _answer(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.startswith("/identity"):
            status, headers, body = self._identity(environ)
        elif path.startswith("/image/"):
            status, headers, body = self._image(environ)
        else:
            query = environ.get("QUERY_STRING")
            self.calls.append((environ["REQUEST_METHOD"], f"{path}?{query}" if query else path))
            if not self.instead:
                answer: Iterable[bytes] = current().application(environ, start_response)
                return answer
            status, headers, body = self.instead.pop(0)
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body]

    def _identity(self, environ: dict[str, Any]) -> Answer:
        if environ["PATH_INFO"].startswith("/identity/v3/"):
            if environ["REQUEST_METHOD"] == "GET":
                return self._look_up(environ)
        elif environ["REQUEST_METHOD"] == "GET":
            version = ksa_fixture.V3Discovery(f"{self.url}/identity/v3")
            return _json({"version": version})
        length = int(environ["CONTENT_LENGTH"])
        asked = json.loads(environ["wsgi.input"].read(length))
        user = asked["auth"]["identity"]["password"]["user"]["name"]
        token = ksa_fixture.V3Token(user_name=user, project_id=current().projects[user])
        token.add_service("identity").add_endpoint("public", f"{self.url}/identity/v3")
        for role in MEMBER_ROLES:
            token.add_role(name=role)
        images = token.add_service("image", name="glance")
        for region in REGIONS:
            images.add_endpoint("public", f"{self.url}/image/{region}", region=region)
        token.add_service("synchronization").add_endpoint("public", f"{self.url}/v1.0")
        status, headers, body = _json(token, "201 Created")
        return status, [*headers, ("X-Subject-Token", user)], body

    def _look_up(self, environ: dict[str, Any]) -> Answer:
        """Answer as Keystone does for a domain or a project, by its id or its name."""
        if not environ["HTTP_X_AUTH_TOKEN"].endswith("admin"):
            return _json({"error": {"code": 403, "message": "No", "title": "No"}}, "403 Forbidden")
        *_, kind, last = environ["PATH_INFO"].split("/")
        domain = {"id": f"{OTHER_DOMAIN}-id", "name": OTHER_DOMAIN}
        project = {"id": OTHER_PROJECT, "name": OTHER_NAME, "domain_id": domain["id"]}
        if last not in ("domains", "projects"):
            found = {"domains": domain, "projects": project}[kind]
            if last == found["id"]:
                return _json({kind.removesuffix("s"): found})
            return _json({"error": {"code": 404, "message": "No", "title": "No"}}, "404 Not Found")
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        found = {"domains": domain, "projects": project}[last]
        fits = all(found.get(name) == value for name, value in query.items())
        return _json({last: [found] if fits else []})

    def _image(self, environ: dict[str, Any]) -> Answer:
        _, _, region, *rest = environ["PATH_INFO"].split("/")
        if "images" not in rest:
            link = {"rel": "self", "href": f"{self.url}/image/{region}/v2/"}
            return _json({"versions": [{"id": "v2.16", "status": "CURRENT", "links": [link]}]})
        url = f"/{'/'.join(rest)}?{environ.get('QUERY_STRING', '')}"
        caller = Caller(PROJECT, MEMBER_ROLES)
        body = current().glances[region].handle(caller, environ["REQUEST_METHOD"], url, None)
        return "200 OK", [("Content-Type", "application/json")], body


def _json(value: Any, status: str = "200 OK") -> Answer:
    return status, [("Content-Type", "application/json")], json.dumps(value).encode()
