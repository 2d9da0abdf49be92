"""Clients find Kingbird in the real catalog under each form of its endpoint."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from keystoneauth1.adapter import Adapter

from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.leaks.watch import WATCH
from kingbird.tests.functional.people import Person

#: The path after host and port.
WITH_A_VERSION = ["/v1.0", "/v1.0/"]
OF_A_PROJECT = ["/v1.0/%(project_id)s", "/v1.0/$(project_id)s/"]
WITHOUT = ["", "/"]

SERVICE: dict[str, Any] = {"service_type": "synchronization", "region_name": "RegionOne"}


@pytest.fixture
def registered(cloud: Any, deployment: Deployment) -> Iterator[Callable[[str], Person]]:
    """Register the shared deployment under another form, and return a user who sees it."""

    def keep(answer: requests.Response, *_: Any, **__: Any) -> None:
        # Keystone's responses hold tokens and come over the same session.
        if answer.url.startswith(deployment.url):
            WATCH.answered(answer.headers, answer.content)

    def register(path: str) -> Person:
        urls = dict.fromkeys(cloud.regions, f"{deployment.url}{path}")
        cloud.register_service("synchronization", "kingbird", urls)
        # A token holds the catalog at the time of its creation.
        who = Person(cloud, "demo")
        who.session.session.hooks["response"].append(keep)
        WATCH.token(who.token)
        return who

    yield register
    deployment.register()


@pytest.mark.parametrize("path", [*WITH_A_VERSION, *OF_A_PROJECT, *WITHOUT])
def test_the_version_is_found(
    registered: Callable[[str], Person], deployment: Deployment, path: str
) -> None:
    who = registered(path)
    adapter = Adapter(who.session, **SERVICE, version="1.0")
    data = adapter.get_endpoint_data()
    assert data is not None
    assert data.api_version == (1, 0)
    assert (data.url or "").startswith(f"{deployment.url}/v1.0")
    # keystoneauth adds the project itself if the catalog has it.
    jobs = "/os-sync" if path in OF_A_PROJECT else f"/{who.project_id}/os-sync"
    answer = adapter.get(jobs)
    assert "job_set" in answer.json()


@pytest.mark.parametrize("path", [*WITH_A_VERSION, *OF_A_PROJECT])
def test_without_a_word_about_versions(registered: Callable[[str], Person], path: str) -> None:
    who = registered(path)
    adapter = Adapter(who.session, **SERVICE)
    data = adapter.get_endpoint_data()
    assert data is not None
    assert data.api_version == (1, 0)
    jobs = "/os-sync" if path in OF_A_PROJECT else f"/{who.project_id}/os-sync"
    assert "job_set" in adapter.get(jobs).json()


@pytest.mark.parametrize("path", [*WITH_A_VERSION, *OF_A_PROJECT, *WITHOUT])
def test_all_versions(registered: Callable[[str], Person], path: str) -> None:
    found = registered(path).session.get_all_version_data(**SERVICE)
    (versions,) = found["RegionOne"]["public"].values()
    assert [(each["version"], each["status"]) for each in versions] == [("1.0", "CURRENT")]
