"""A minimal client of Glance, so that Kingbird's own code does not check Kingbird."""

from __future__ import annotations

from typing import Any

import requests

from demo.errors import DemoError

Image = dict[str, Any]


class Glance:
    """One region's Glance as one user sees it.

    :param url: the endpoint without the version.
    """

    def __init__(self, url: str, token: str) -> None:
        self.url = url
        self._session = requests.Session()
        # A proxy of the environment cannot reach loopback.
        self._session.trust_env = False
        self._session.headers["X-Auth-Token"] = token

    def images(self, owner: str) -> dict[str, Image]:
        """Return all images of a project, including hidden ones, by id."""
        found: dict[str, Image] = {}
        for hidden in ("false", "true"):
            path = f"/v2/images?visibility=all&owner={owner}&os_hidden={hidden}&limit=100"
            while path:
                page = self._call("GET", path).json()
                found.update((image["id"], image) for image in page["images"])
                path = page.get("next", "")
        return found

    def find(self, image_id: str) -> Image | None:
        """Return an image, or None if it is not there."""
        found = self._session.get(f"{self.url}/v2/images/{image_id}", timeout=60)
        if found.status_code == requests.codes.not_found:
            return None
        found.raise_for_status()
        image: Image = found.json()
        return image

    def replace(self, image_id: str, field: str, value: Any) -> None:
        """Change a field of an image."""
        change = [{"op": "replace", "path": f"/{field}", "value": value}]
        headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        self._call("PATCH", f"/v2/images/{image_id}", json=change, headers=headers)

    def create(self, fields: Image) -> Image:
        """Create an image without data."""
        image: Image = self._call("POST", "/v2/images", json=fields).json()
        return image

    def upload(self, image_id: str, data: bytes) -> None:
        """Upload an image's data."""
        headers = {"Content-Type": "application/octet-stream"}
        self._call("PUT", f"/v2/images/{image_id}/file", data=data, headers=headers)

    def share(self, image_id: str, project: str) -> None:
        """Share an image with a project, unless it is shared already."""
        path = f"/v2/images/{image_id}/members"
        members = {member["member_id"] for member in self._call("GET", path).json()["members"]}
        if project not in members:
            self._call("POST", path, json={"member": project})

    def _call(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        try:
            answer = self._session.request(method, self.url + path, timeout=60, **kwargs)
        except requests.RequestException as error:
            raise DemoError(f"{method} {self.url}{path}: {error}") from None
        if not answer.ok:
            raise DemoError(f"{method} {self.url}{path}: {answer.status_code} {answer.text[:500]}")
        return answer
