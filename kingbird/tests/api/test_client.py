"""The published client, unchanged, over HTTP to the application."""

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cheroot import wsgi
from kingbirdclient import exceptions, shell
from kingbirdclient.api.v1 import client as published

from kingbird.tests.api import fixtures
from kingbird.tests.api.world import IMAGE, PROJECT, REGIONS, World


@pytest.fixture(params=["/v1.0", "/v1.0/"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Serve the API and return its endpoint with and without a trailing slash."""
    with World() as world:
        jobs = fixtures.Jobs()
        jobs.start_fixture()
        server = wsgi.Server(("127.0.0.1", 0), world.application, numthreads=2)
        server.prepare()
        thread = threading.Thread(target=server.serve)
        thread.start()
        yield f"http://127.0.0.1:{server.bind_addr[1]}{request.param}"
        server.stop()
        thread.join()


@pytest.fixture
def client(url: str) -> published.Client:
    """Return a member's client."""
    return published.Client(kingbird_url=url, auth_token="member", project_id=PROJECT)


def test_create(client: published.Client) -> None:
    (made,) = client.sync_manager.sync_resources(
        resource_type="image",
        resources=[IMAGE],
        source="RegionOne",
        target=["RegionTwo", "RegionThree"],
        force="True",
    )
    assert made.status == "IN_PROGRESS"
    items = client.sync_manager.sync_job_detail(made.id)
    assert [item.target_region for item in items] == ["RegionTwo", "RegionThree"]


def test_template(client: published.Client) -> None:
    one = {
        "resource_type": "image",
        "resources": [IMAGE],
        "source": "RegionOne",
        "target": ["RegionTwo"],
    }
    (made,) = client.sync_manager.sync_resources(Sync=[one, {**one, "target": ["RegionThree"]}])
    assert len(client.sync_manager.sync_job_detail(made.id)) == 2


def test_list(client: published.Client) -> None:
    found = client.sync_manager.list_sync_jobs()
    assert [(job.id, job.status, job.updated_at == "None") for job in found] == [
        (fixtures.RUNNING_JOB, "IN_PROGRESS", True),
        (fixtures.FAILED_JOB, "FAILURE", False),
        (fixtures.ENDED_JOB, "SUCCESS", False),
    ]


def test_list_active(client: published.Client) -> None:
    (found,) = client.sync_manager.list_sync_jobs("active")
    assert found.id == fixtures.RUNNING_JOB


def test_show(client: published.Client) -> None:
    one, two = client.sync_manager.sync_job_detail(fixtures.FAILED_JOB)
    assert (one.resource_name, one.status) == (IMAGE, "SUCCESS")
    assert (two.source_region, two.target_region) == ("RegionOne", "RegionTwo")
    assert (two.resource_type, two.status) == ("image", "FAILURE")


def test_delete(client: published.Client) -> None:
    client.sync_manager.delete_sync_job(fixtures.ENDED_JOB)
    with pytest.raises(exceptions.APIException) as caught:
        client.sync_manager.delete_sync_job(fixtures.RUNNING_JOB)
    assert caught.value.error_code == 406


Command = Callable[..., Any]


@pytest.fixture
def kingbird(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Return a function that runs the client's command with a token."""
    found = (url, "member", PROJECT, "somebody")
    monkeypatch.setattr(published, "authenticate", lambda *args, **kwargs: found)

    def run(*words: str) -> Any:
        capsys.readouterr()
        options = ["--os-auth-url", "http://keystone.test/v3", "--os-auth-token", "member"]
        assert shell.main([*options, *words, "-f", "json"]) == 0
        return json.loads(capsys.readouterr().out)

    return run


def test_any_to_any_on_the_command_line(kingbird: Command) -> None:
    everything = ("--source", "*", "--target", "*", "--resources", "*")
    (made,) = kingbird("sync", "create", *everything, "--resource_type", "image")
    assert made["STATUS"] == "IN_PROGRESS"
    items = kingbird("sync", "show", made["ID"])
    assert [item["RESOURCE"] for item in items] == ["*", "*", "*"]
    assert {item["TARGET_REGION"] for item in items} == set(REGIONS)
    newest, *others = kingbird("sync", "list")
    assert newest["ID"] == made["ID"]
    assert len(others) == 3
    assert kingbird("sync", "list", "--active")[0]["ID"] == made["ID"]
