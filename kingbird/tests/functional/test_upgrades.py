"""Engines of two releases work side by side during an upgrade."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kingbird.rpc import version_cap
from kingbird.tests.functional import next_engine
from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import run

WARNING = 1


def check(running: Deployment) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run the upgrade check, and return its exit code and its checks by name."""
    words: list[str | Path] = ["--config-file", running.config, "upgrade", "check", "--json"]
    done = run("kingbird-status", *words)
    found = json.loads(done.stdout)["checks"]
    return done.returncode, {each["check"]: each for each in found}


def test_engines_of_two_releases(
    deploy_own: Callable[[Kind], Deployment],
    demo: Person,
    application_token: str,
) -> None:
    deployment = deploy_own(Kind("MariaDB", broker=True))
    following = deployment.start_engine("python", "-m", next_engine.__name__)
    deployment.wait_until_ready()
    api = KingbirdAPI(deployment.url, demo)
    images = [demo.make("RegionOne") for _ in range(4)]
    jobs = [api.accepted(sync(image["id"])) for image in images]
    # Either engine may get a token, so both have to understand its message.
    tokens = [
        api.accepted(sync(image["id"], target="RegionThree"), token=application_token)
        for image in images
    ]
    for job_id in (*jobs, *tokens):
        assert api.wait(job_id).outcome == (SUCCESS, "created")
    for engine in deployment.engines:
        text = engine.log.read_text()
        assert any(
            f"Received message job_with_token for job {job_id}" in text for job_id in tokens
        )
    said = {engine["rpc_version"] for engine in deployment.rows()["engines"]}
    assert said == {version_cap.VERSION, next_engine.RPC_VERSION}
    code, checks = check(deployment)
    assert code == WARNING, checks
    assert "1 of 2 engines that are alive" in checks["Engines"]["details"]
    assert f"({next_engine.RELEASE})" in checks["Engines"]["details"]

    assert following.stop() == 0, following.tail()
    assert "UnsupportedVersion" not in following.log.read_text()
    deployment.engines.remove(following)
    code, checks = check(deployment)
    assert (code, checks["Engines"]["details"]) == (0, "1 alive, all of this release")
