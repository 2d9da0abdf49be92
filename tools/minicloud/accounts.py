"""The projects and users of every cloud."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from minicloud.rest import Keystone

PASSWORD = "s3cret"


@dataclass(frozen=True)
class Account:
    """A user and its roles by project.  The first project is its default."""

    name: str
    roles: dict[str, tuple[str, ...]]

    @property
    def project(self) -> str:
        return next(iter(self.roles))


ACCOUNTS = (
    Account("admin", {"admin": ("admin",), "demo": ("admin",)}),
    Account("kingbird", {"service": ("service", "admin")}),
    Account("glance", {"service": ("service", "admin")}),
    Account("demo", {"demo": ("member",)}),
    Account("reader", {"demo": ("reader",)}),
    Account("other", {"other": ("member",)}),
    Account("svconly", {"service": ("service",)}),
)
PROJECTS = tuple(dict.fromkeys(name for account in ACCOUNTS for name in account.roles))


def create_accounts(keystone: Keystone) -> tuple[dict[str, str], dict[str, str]]:
    """Create the projects and users that are missing.

    :returns: the ids of the projects and of the users, by name.
    """
    projects = {name: _ensure(keystone, "project", name) for name in PROJECTS}
    roles = {role["name"]: role["id"] for role in keystone.get("/roles")["roles"]}
    users = {}
    for account in ACCOUNTS:
        default = projects[account.project]
        user = _ensure(
            keystone, "user", account.name, password=PASSWORD, default_project_id=default
        )
        users[account.name] = user
        for project, names in account.roles.items():
            for name in names:
                path = f"/projects/{projects[project]}/users/{user}/roles/{roles[name]}"
                keystone.call("PUT", path)
    return projects, users


def _ensure(keystone: Keystone, kind: str, name: str, **fields: str) -> str:
    query = urlencode({"name": name, "domain_id": "default"})
    found = keystone.get(f"/{kind}s?{query}")[f"{kind}s"]
    if found:
        return str(found[0]["id"])
    body = {kind: {"name": name, "domain_id": "default", **fields}}
    return str(keystone.call("POST", f"/{kind}s", body)[kind]["id"])
