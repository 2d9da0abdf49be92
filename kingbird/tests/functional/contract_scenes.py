"""The three Glances that the contract suite runs on, with one interface to set up a scene."""

import json
import uuid
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import urlencode

import pytest
from keystoneauth1 import token_endpoint
from keystoneauth1.session import Session

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.tests.doubles.glance import FakeGlance
from kingbird.tests.functional.glance_rows import set_status
from kingbird.tests.functional.people import Image, Person

ASTRAL = "\N{GRINNING FACE}"

#: Project and roles of the cloud's users, for the double and the stand-in.
USERS = {
    "admin": ("p-admin", ("admin", "manager", "member", "reader")),
    "demo": ("p-demo", ("member", "reader")),
    "reader": ("p-demo", ("reader",)),
    "other": ("p-other", ("member", "reader")),
    "svconly": ("p-service", ("service",)),
}

#: The session of calls to the stand-in.
SESSION = Session()


class Scene(Protocol):
    """One region's Glance, real or not."""

    def images(self, user: str) -> ImageClient:
        """Return the images as a user of the cloud sees them."""

    def project(self, user: str) -> str:
        """Return the id of a user's project."""

    def upload(self, image: Image, data: bytes) -> Image:
        """Upload the data of an image of demo's."""

    def deactivate(self, image: Image) -> Image:
        """Deactivate an image as an admin."""

    def kill(self, image: Image) -> None:
        """Let an image be killed, as a failed upload did in old releases."""

    def delete(self, image: Image) -> None:
        """Delete an image as an admin."""

    def share(self, image: Image, user: str, status: str) -> None:
        """Share an image of demo's with a user's project and set the status of the share."""

    def run_imports(self) -> None:
        """Let the imports of data end, as far as that needs help."""


class FakeScene:
    """The double."""

    def __init__(self) -> None:
        self._glance = FakeGlance("RegionOne")
        self._glance.peers = {"RegionOne": self._glance}

    def images(self, user: str) -> ImageClient:
        project, roles = USERS[user]
        return self._glance.images_for(project, roles=roles)

    def project(self, user: str) -> str:
        return USERS[user][0]

    def upload(self, image: Image, data: bytes) -> Image:
        return self._glance.upload(image["id"], data)

    def deactivate(self, image: Image) -> Image:
        return self._glance.deactivate(image["id"])

    def kill(self, image: Image) -> None:
        self._glance.set_status(image["id"], "killed")

    def delete(self, image: Image) -> None:
        self._glance.delete(image["id"])

    def share(self, image: Image, user: str, status: str) -> None:
        self._glance.share(image["id"], self.project(user), status)

    def run_imports(self) -> None:
        self._glance.run_imports()


class StandinScene:
    """The stand-in of the benchmarks, over HTTP.

    :param standin: a :class:`standin.Standin` that runs.
    """

    def __init__(self, standin: Any) -> None:
        self._standin = standin
        self._region = next(iter(standin.urls))

    def images(self, user: str) -> ImageClient:
        project, roles = USERS[user]
        url = self._standin.urls[self._region]
        # A token of the stand-in names the caller.
        auth = token_endpoint.Token(url, f"{project}:{','.join(roles)}")
        return ImageClient(self._region, url, SESSION, auth)

    def project(self, user: str) -> str:
        return USERS[user][0]

    def upload(self, image: Image, data: bytes) -> Image:
        active: Image = self._standin.upload(self._region, image["id"], data)
        return active

    def deactivate(self, image: Image) -> Image:
        inactive: Image = self._standin.deactivate(self._region, image["id"])
        return inactive

    def kill(self, image: Image) -> None:
        self._standin.set_status(self._region, image["id"], "killed")

    def delete(self, image: Image) -> None:
        self._standin.delete(self._region, image["id"])

    def share(self, image: Image, user: str, status: str) -> None:
        self._standin.share(self._region, image["id"], self.project(user), status)

    def run_imports(self) -> None:
        pass


class RealScene:
    """A Glance of the cloud."""

    def __init__(self, person: Callable[..., Person], cloud: Any) -> None:
        self._person = person
        self._cloud = cloud
        self._region = "RegionOne"

    def images(self, user: str) -> ImageClient:
        return self._person(user).images(self._region)

    def project(self, user: str) -> str:
        return self._person(user).project_id

    def upload(self, image: Image, data: bytes) -> Image:
        return self._person("demo").upload(self._region, image["id"], data)

    def deactivate(self, image: Image) -> Image:
        self._person("admin").deactivate(self._region, image["id"])
        return self._person("admin").see(self._region, image["id"])

    def kill(self, image: Image) -> None:
        set_status(self._cloud, self._region, image["id"], "killed")

    def delete(self, image: Image) -> None:
        self._person("admin").delete(self._region, image["id"])

    def share(self, image: Image, user: str, status: str) -> None:
        self._person("demo").share(self._region, image["id"], self.project(user))
        if status != "pending":
            self._person(user).answer_share(self._region, image["id"], status)

    def run_imports(self) -> None:
        pass


def page(images: ImageClient, *query: tuple[str, object]) -> Image:
    """Return one page of a list as Glance writes it, with its links."""
    answer: Image = json.loads(images.fetch_page(urlencode(query)))
    return answer


def names(images: ImageClient, *query: tuple[str, object]) -> list[str]:
    """Return the names of the images on one page."""
    return [image["name"] for image in page(images, *query)["images"]]


def new_id() -> str:
    """Return an id that no image has."""
    return str(uuid.uuid4())


def refusal(call: Any, *args: Any) -> exception.ImageRequestRejected:
    """Make a call that Glance refuses, and return the error."""
    with pytest.raises(exception.ImageRequestRejected) as caught:
        call(*args)
    return caught.value
