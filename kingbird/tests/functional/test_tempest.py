"""The errors of ``make tempest`` if a run left something behind or could not start."""

from collections.abc import Callable
from typing import Any

import pytest
from tempest_run import leftovers, stage

from kingbird.tests.functional import services
from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import KingbirdAPI, sync
from kingbird.tests.functional.people import Person

API = Callable[[Person], KingbirdAPI]


def test_leftovers(cloud: Any, deployment: Deployment, demo: Person, api: API) -> None:
    shown = demo.make("RegionOne", visibility="community")
    hidden = demo.make("RegionTwo", os_hidden=True)
    job_id = api(demo).run(sync(shown["id"])).id
    left = leftovers.leftovers(cloud, deployment)
    assert f"{shown['name']} is left in RegionOne" in left
    assert f"{shown['name']} is left in RegionTwo" in left
    assert f"{hidden['name']} is left in RegionTwo" in left
    assert f"job {job_id} is left" in left
    assert api(demo).call("DELETE", f"/{job_id}").status_code == 200
    for region in ("RegionOne", "RegionTwo"):
        demo.delete(region, shown["id"])
    demo.delete("RegionTwo", hidden["id"])
    after = leftovers.leftovers(cloud, deployment)
    assert not [line for line in after if shown["name"] in line or hidden["name"] in line]
    assert f"job {job_id} is left" not in after


def test_a_project_that_is_left(cloud: Any, deployment: Deployment, newcomer: Person) -> None:
    name = newcomer.project_name
    assert f"project {name} is left" in leftovers.leftovers(cloud, deployment)


def test_a_service_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    variable, usual = services.URLS["RabbitMQ"]
    port = services.closed_port()
    monkeypatch.setenv(variable, f"{usual.partition(':')[0]}://nobody@127.0.0.1:{port}/")
    monkeypatch.setenv(services.REQUIRE, "1")
    with (
        pytest.raises(stage.ServicesMissing, match="RabbitMQ does not answer"),
        stage.stage(),
    ):
        pytest.fail("the stage was set")
