"""The users of the test cloud and their direct calls to Glance and Keystone."""

import uuid
from functools import cached_property
from typing import Any

import requests
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from kingbird.clients.glance import ImageClient

Image = dict[str, Any]

#: Formats of records with data.  Glance checks that the data match the format.
RAW: Image = {"disk_format": "raw", "container_format": "bare"}


def unique(name: str = "image") -> str:
    """Return a name that no other test uses."""
    return f"{name}-{uuid.uuid4().hex[:12]}"


class Person:
    """One user in one project.  Calls go directly to the services, past any proxy.

    :param cloud: a :class:`minicloud.cloud.Cloud`.
    :param project: a project's name; by default the user's first one.
    :param project_id: the id of a project that is not part of the initial cloud.
    """

    def __init__(
        self,
        cloud: Any,
        name: str,
        project: str | None = None,
        project_id: str | None = None,
    ) -> None:
        self.name = name
        self._cloud = cloud
        self._credentials = cloud.credentials(name, project)
        self.project_name: str = self._credentials["project_name"]
        self.project_id: str = project_id or cloud.projects[self.project_name]
        self.user_id: str = cloud.users[name]

    @cached_property
    def _auth(self) -> v3.Password:
        return v3.Password(**self._credentials)

    @cached_property
    def session(self) -> Session:
        """Return a session of the user."""
        return Session(auth=self._auth)

    @property
    def token(self) -> str:
        """Return a token of the user, the same one at each call."""
        return str(self.session.get_token())

    def application_token(self, **fields: Any) -> str:
        """Return a token of a new application credential with some fields."""
        made = self.keystone(
            "POST",
            f"/users/{self.user_id}/application_credentials",
            json={"application_credential": {"name": unique(), **fields}},
        ).json()["application_credential"]
        auth = v3.ApplicationCredential(
            auth_url=self._cloud.auth_url,
            application_credential_id=made["id"],
            application_credential_secret=made["secret"],
        )
        return str(Session(auth=auth).get_token())

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables with which command line clients authenticate."""
        variables = {f"OS_{key.upper()}": value for key, value in self._credentials.items()}
        return {**variables, "OS_IDENTITY_API_VERSION": "3", "OS_REGION_NAME": "RegionOne"}

    def images(self, region: str) -> ImageClient:
        """Return a region's images as the user sees them."""
        return ImageClient(region, self._cloud.glance_urls[region], self.session, self._auth)

    def glance(self, region: str, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Call a region's Glance.

        :param path: the path after ``/v2/``.
        :raises keystoneauth1.exceptions.HttpError: Glance refuses the call.
        """
        url = f"{self._cloud.glance_urls[region]}/v2/{path}"
        answer: requests.Response = self.session.request(url, method, **kwargs)
        return answer

    def keystone(self, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Call Keystone.  The ``path`` follows ``/v3``."""
        answer: requests.Response = self.session.request(
            f"{self._cloud.auth_url}{path}", method, **kwargs
        )
        return answer

    def with_new_project(self, name: str, role: str = "member") -> "Person":
        """Create a project and return another user who has a role in it.

        The caller has to be an admin.
        """
        project = unique("project")
        body = {"project": {"name": project, "domain_id": "default"}}
        project_id = self.keystone("POST", "/projects", json=body).json()["project"]["id"]
        (found,) = self.keystone("GET", f"/roles?name={role}").json()["roles"]
        user_id = self._cloud.users[name]
        self.keystone("PUT", f"/projects/{project_id}/users/{user_id}/roles/{found['id']}")
        return Person(self._cloud, name, project, project_id)

    def make(self, region: str, data: bytes | None = None, **fields: Any) -> Image:
        """Create an image, with data if given.

        :returns: the image as Glance shows it then.
        """
        formats = RAW if data is not None else {}
        image = self.images(region).create({"name": unique(), **formats, **fields})
        return self.upload(region, image["id"], data) if data is not None else image

    def upload(self, region: str, image_id: str, data: bytes) -> Image:
        """Upload the data of an image."""
        headers = {"Content-Type": "application/octet-stream"}
        self.glance(region, "PUT", f"images/{image_id}/file", data=data, headers=headers)
        return self.see(region, image_id)

    def see(self, region: str, image_id: str) -> Image:
        """Return an existing image."""
        image = self.images(region).get(image_id)
        assert image is not None, f"{self.name} sees no image {image_id} in {region}"
        return image

    def delete(self, region: str, image_id: str) -> None:
        """Delete an image."""
        self.glance(region, "DELETE", f"images/{image_id}")

    def deactivate(self, region: str, image_id: str) -> None:
        """Deactivate an image, so that only admins can download it."""
        self.glance(region, "POST", f"images/{image_id}/actions/deactivate")

    def share(self, region: str, image_id: str, project_id: str) -> None:
        """Share an image with another project, which has to accept it."""
        path = f"images/{image_id}/members"
        self.glance(region, "POST", path, json={"member": project_id})

    def answer_share(self, region: str, image_id: str, status: str) -> None:
        """Accept or reject a share with the user's project."""
        path = f"images/{image_id}/members/{self.project_id}"
        self.glance(region, "PUT", path, json={"status": status})

    def members(self, region: str, image_id: str) -> dict[str, str]:
        """Return the status of each project that an image is shared with."""
        found = self.images(region).list_members(image_id)
        return {one["member_id"]: one["status"] for one in found}
