"""New users of the cloud, who can lose their rights and get them back."""

import time
import uuid
from typing import Any

from kingbird.tests.functional.people import Person

PASSWORD = "not-a-secret-of-anybody"


class _Account:
    """The attributes of a cloud that :class:`Person` uses, for a new user."""

    def __init__(self, cloud: Any, name: str, user_id: str) -> None:
        self._cloud = cloud
        self._name = name
        self.users = {name: user_id}
        self.projects = cloud.projects
        self.auth_url = cloud.auth_url
        self.glance_urls = cloud.glance_urls

    def credentials(self, name: str, project: str | None = None) -> dict[str, str]:
        like = self._cloud.credentials("demo", project)
        return {**like, "username": self._name, "password": PASSWORD}


def new_member(cloud: Any, admin: Person, of: Person | None = None) -> Person:
    """Make a user who is a member of a project.

    :param of: a member of that project; otherwise it is demo's.
    """
    name = f"somebody-{uuid.uuid4().hex[:8]}"
    body = {"user": {"name": name, "domain_id": "default", "password": PASSWORD}}
    user_id = admin.keystone("POST", "/users", json=body).json()["user"]["id"]
    project = (of.project_name, of.project_id) if of else (None, None)
    person = Person(_Account(cloud, name, user_id), name, *project)
    get_the_role(admin, person)
    return person


def delete_user(admin: Person, person: Person) -> None:
    admin.keystone("DELETE", f"/users/{person.user_id}")


def membership(admin: Person, person: Person) -> str:
    """Return the path of the role assignment of a member."""
    (role,) = admin.keystone("GET", "/roles?name=member").json()["roles"]
    return f"/projects/{person.project_id}/users/{person.user_id}/roles/{role['id']}"


def lose_the_role(admin: Person, person: Person) -> None:
    admin.keystone("DELETE", membership(admin, person))


def get_the_role(admin: Person, person: Person) -> None:
    admin.keystone("PUT", membership(admin, person))


def be_disabled(admin: Person, person: Person) -> None:
    _enable(admin, person, False)


def be_enabled(admin: Person, person: Person) -> None:
    # Keystone refuses all tokens of the second in which it disabled a user.
    time.sleep(1)
    _enable(admin, person, True)


def _enable(admin: Person, person: Person, is_enabled: bool) -> None:
    body = {"user": {"enabled": is_enabled}}
    admin.keystone("PATCH", f"/users/{person.user_id}", json=body)
