"""Glances that run with other options for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kingbird.tests.functional.people import Person

#: Unified limits of Glance, with values that no test comes near.
LIMITS = dict.fromkeys(
    ("image_size_total", "image_stage_total", "image_count_total", "image_count_uploading"), 10**6
)


@contextmanager
def configured(cloud: Any, region: str, **sections: dict[str, str]) -> Iterator[None]:
    """Run a region's Glance with other options for the length of a block.

    :param cloud: a :class:`minicloud.cloud.Cloud`.
    """
    before = cloud.glance_options.get(region, {})
    cloud.glance_options[region] = {**before, **sections}
    cloud.restart(f"glance-{region}")
    try:
        yield
    finally:
        cloud.glance_options[region] = before
        cloud.restart(f"glance-{region}")


@contextmanager
def limited(cloud: Any, region: str, admin: Person, **limits: int) -> Iterator[None]:
    """Give the projects of a region unified limits for the length of a block.

    :param admin: the cloud's admin, who makes the limits in Keystone.
    :param limits: the names of limits with their values; the others are high.
    """
    (service,) = admin.keystone("GET", "/services?type=image").json()["services"]
    query = f"service_id={service['id']}&region_id={region}&interface=public"
    (endpoint,) = admin.keystone("GET", f"/endpoints?{query}").json()["endpoints"]
    (role,) = admin.keystone("GET", "/roles?name=reader").json()["roles"]
    admin.keystone("PUT", f"/system/users/{cloud.users['glance']}/roles/{role['id']}")
    of_region = {"service_id": service["id"], "region_id": region}
    wanted = [
        {**of_region, "resource_name": name, "default_limit": value}
        for name, value in {**LIMITS, **limits}.items()
    ]
    body = {"registered_limits": wanted}
    made = admin.keystone("POST", "/registered_limits", json=body).json()["registered_limits"]
    credentials = cloud.credentials("glance")
    user = {name: credentials[name] for name in ("username", "password", "user_domain_id")}
    options = {
        **user,
        "auth_type": "password",
        "auth_url": cloud.auth_url,
        "system_scope": "all",
        "endpoint_id": endpoint["id"],
        "region_name": region,
    }
    try:
        with configured(
            cloud, region, DEFAULT={"use_keystone_limits": "true"}, oslo_limit=options
        ):
            yield
    finally:
        for one in made:
            admin.keystone("DELETE", f"/registered_limits/{one['id']}")
