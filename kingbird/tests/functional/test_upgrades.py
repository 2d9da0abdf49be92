"""Engines of two releases work side by side, as they do while an upgrade goes on."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kingbird.tests.functional import first_engine
from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import IN_PROGRESS, SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import Program, eventually, run
from kingbird.tests.functional.proxy import Proxy, hold

OPTIONS = {"engine": {"lease": 6, "poll_interval": 1}}
#: What an engine logs of a cancellation that a message told of.
HEARD = "Received message job_cancelled"
WARNING = 1


def check(running: Deployment) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run the upgrade check, and return its exit code and its checks by name."""
    words: list[str | Path] = ["--config-file", running.config, "upgrade", "check", "--json"]
    done = run("kingbird-status", *words)
    found = json.loads(done.stdout)["checks"]
    return done.returncode, {each["check"]: each for each in found}


@pytest.fixture
def running(deploy_own: Callable[[Kind], Deployment]) -> tuple[Deployment, Program]:
    """Run a Kingbird with one engine of this release and one of the first."""
    deployment = deploy_own(Kind("MariaDB", broker=True, options=OPTIONS))
    old = deployment.start_engine("python", "-m", first_engine.__name__)
    deployment.wait_until_ready()
    return deployment, old


def cancelled(api: KingbirdAPI, image: dict[str, Any], glance: Proxy) -> str:
    """Cancel a job while its call to a region takes its time, and return how it ended."""
    gate = threading.Event()
    with glance.broken(hold(gate), lambda call: call.method == "POST"):
        job_id = api.accepted(sync(image["id"], force=True))
        answer = api.call("POST", f"/{job_id}/cancel")
        assert answer.ok, answer.text
        gate.set()
    return api.wait(job_id).status


def test_an_old_engine_beside_a_new_one(
    running: tuple[Deployment, Program],
    demo: Person,
    application_token: str,
    glances: dict[str, Proxy],
) -> None:
    deployment, old = running
    new = deployment.engines[0]
    api = KingbirdAPI(deployment.url, demo)
    images = [demo.make("RegionOne") for _ in range(4)]
    jobs = [api.accepted(sync(image["id"])) for image in images]
    # A token is for one engine, whichever it is: both have to understand what brings it.
    tokens = [
        api.accepted(sync(image["id"], target="RegionThree"), token=application_token)
        for image in images
    ]
    for job_id in (*jobs, *tokens):
        assert api.wait(job_id).outcome == (SUCCESS, "created")
    for engine in (old, new):
        text = engine.log.read_text()
        assert any(
            f"Received message job_with_token for job {job_id}" in text for job_id in tokens
        )

    assert cancelled(api, images[0], glances["RegionTwo"]) in ("CANCELLED", SUCCESS)
    assert HEARD not in new.log.read_text()
    code, checks = check(deployment)
    assert code == WARNING, checks
    assert "1 of 2 engines that are alive" in checks["Engines"]["details"]
    assert f"({first_engine.RELEASE})" in checks["Engines"]["details"]

    # The upgrade ends, and newer messages are sent without a restart of anything else.
    assert old.stop() == 0, old.tail()
    assert "UnsupportedVersion" not in old.log.read_text()
    deployment.engines.remove(old)

    def heard() -> bool:
        cancelled(api, images[0], glances["RegionTwo"])
        return HEARD in new.log.read_text()

    eventually("messages of this release are sent", heard, seconds=30, poll=1)
    code, checks = check(deployment)
    assert (code, checks["Engines"]["details"]) == (0, "1 alive, all of this release")
    assert {job["sync_status"] for job in api.jobs()} & {IN_PROGRESS} == set()
