"""The base of the tests of pages: Horizon's own, with a Kingbird whose answers are recorded."""

import functools
import json
from pathlib import Path
from typing import Any

import requests_mock
import yaml
from django import urls
from openstack_auth import utils
from openstack_dashboard import policy
from openstack_dashboard.test import helpers

#: The recorded answers of the application, which the API's documentation shows.
EXAMPLES = Path(__file__).resolve().parents[4] / "api-ref" / "examples"
URL = "http://kingbird.test:8118/v1.0"
REGIONS = ("RegionOne", "RegionTwo", "RegionThree")
READER = [{"id": "3", "name": "reader"}]
ADMIN = [
    {"id": str(number), "name": name} for number, name in enumerate(("admin", "member", "reader"))
]


def example(name: str) -> Any:
    """Return the body of a recorded answer."""
    return json.loads((EXAMPLES / f"{name}.json").read_text())["response"]["body"]


@functools.cache
def schema(name: str) -> Any:
    """Return a schema of the API's document."""
    document = yaml.safe_load((EXAMPLES.parent / "openapi.yaml").read_text())
    return document["components"]["schemas"][name]


def url(name: str, *args: Any, dashboard: str = "project") -> str:
    return urls.reverse(f"horizon:{dashboard}:image_sync:{name}", args=args)


class PageCase(helpers.TestCase):
    """A user of a project whose catalog has Kingbird and three regions.

    ``answer`` says what Kingbird answers; a call that nobody expects fails the test.
    """

    def setUp(self) -> None:
        super().setUp()
        self.service_catalog[:] = [
            *(one for one in self.service_catalog if one["type"] != "image"),
            _service("synchronization", "kingbird", dict.fromkeys(REGIONS, URL)),
            _service("image", "glance", {name: f"http://{name}.test" for name in REGIONS}),
        ]
        self._setup_user()
        # Rules of another test's user are not read again by themselves.
        getattr(policy, "reset", lambda: None)()
        self.kingbird = requests_mock.Mocker()
        self.kingbird.start()
        self.addCleanup(self.kingbird.stop)

    def _setup_user(self, **kwargs: Any) -> None:
        super()._setup_user(**kwargs)
        if hasattr(self, "request"):
            self.request.user = utils.get_user(self.request)

    def answer(self, method: str, path: str, body: Any, status: int = 200, **headers: str) -> None:
        """Answer a call of Kingbird in the user's project."""
        where = f"{URL}/{self.tenant.id}/{path}"
        self.kingbird.register_uri(method, where, json=body, status_code=status, headers=headers)

    def refuse(self, method: str, path: str, status: int, message: str) -> None:
        """Refuse a call, as Kingbird does."""
        error = {"code": status, "title": "Refused", "message": message}
        self.answer(method, path, {"error": error}, status)

    def asked(self, method: str, path: str) -> list[Any]:
        """Return the requests of a call that Kingbird got."""
        end = f"/v1.0/{self.tenant.id}/{path}".lower()
        return [
            one
            for one in self.kingbird.request_history
            if one.method == method and one.path == end
        ]


def _service(service_type: str, name: str, by_region: dict[str, str]) -> dict[str, Any]:
    endpoints = [
        {"region": region, "region_id": region, "interface": "public", "url": where}
        for region, where in by_region.items()
    ]
    return {"type": service_type, "name": name, "endpoints_links": [], "endpoints": endpoints}
