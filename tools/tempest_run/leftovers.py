"""Find resources that a run has left in the cloud.  Tests must delete everything."""

from __future__ import annotations

from minicloud.cloud import Cloud

from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.people import Person


def leftovers(cloud: Cloud, deployment: Deployment) -> list[str]:
    """Return a sentence for each resource that is left in a cloud that was empty before."""
    admin = Person(cloud, "admin")
    left = []
    for region in cloud.regions:
        for query in ("visibility=all", "visibility=all&os_hidden=true"):
            images = admin.glance(region, "GET", f"images?{query}&limit=1000").json()["images"]
            left += [f"{image['name']} is left in {region}" for image in images]
    left += [f"job {row['id']} is left" for row in deployment.rows()["jobs"]]
    projects = admin.keystone("GET", "/projects").json()["projects"]
    initial_projects = set(cloud.projects.values())
    left += [
        f"project {each['name']} is left"
        for each in projects
        if each["id"] not in initial_projects
    ]
    return left
