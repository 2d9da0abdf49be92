"""One request id in all services: Keystone and Glance get the id of the request."""

import uuid
from collections.abc import Callable

from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.proxy import Call, Proxy, error
from kingbird.tests.functional.test_counts import keystone_call, wait_for_trust

HEADER = "X-Openstack-Request-Id"


def new_id() -> str:
    return f"req-{uuid.uuid4()}"


def request_ids(calls: list[Call]) -> set[str | None]:
    """Return the request ids of some calls."""
    return {
        {name.lower(): value for name, value in call.headers.items()}.get(HEADER.lower())
        for call in calls
    }


def for_a_job(calls: list[Call]) -> dict[str, set[str | None]]:
    """Return the request ids that Keystone got for a job, by the kind of call.

    One-time calls of a process belong to no job.
    """
    named = [(name, call) for call in calls if (name := keystone_call(call)) and "/" not in name]
    return {
        name: request_ids([call for other, call in named if other == name]) for name, _ in named
    }


def test_a_global_id_reaches_keystone_and_glance(
    demo: Person,
    api: Callable[[Person], KingbirdAPI],
    deployment: Deployment,
    glances: dict[str, Proxy],
) -> None:
    image = demo.make("RegionOne", visibility="private")["id"]
    wanted = new_id()
    before = {region: len(proxy.calls) for region, proxy in glances.items()}
    with deployment.keystone.recording() as calls:
        since = len(deployment.keystone.calls)
        answer = api(demo).post(sync(image), headers={HEADER: wanted})
        job = api(demo).wait(answer.json()["job_status"]["id"])
        wait_for_trust(deployment.keystone, since)
    assert job.status == SUCCESS

    own = answer.headers[HEADER]
    assert own not in ("", wanted)
    assert answer.headers["Openstack-Request-Id"] == own
    # The API makes the trust.  The engine gets its token and deletes it.
    assert for_a_job(calls) == {
        "POST trust": {wanted},
        "POST token of a trust": {wanted},
        "DELETE trust": {wanted},
    }
    # The API looks up the image.  The engine reads and writes.
    for region in ("RegionOne", "RegionTwo"):
        made = glances[region].calls[before[region] :]
        assert made
        assert request_ids(made) == {wanted}

    # The engine's log lines have the id too, from planning to the end.
    lines = [
        line
        for program in (*deployment.engines, deployment.api)
        if program is not None
        for line in program.log.read_text().splitlines()
        if " kingbird.engine." in line and job.id in line
    ]
    assert all(f"[job: {job.id}] " in line and wanted in line for line in lines)
    assert " kingbird.engine.planned_parts " in lines[0]
    assert lines[-1].endswith(f"Job {job.id} ended: {SUCCESS}")


def test_a_retry_has_the_id_of_its_own_request(
    demo: Person,
    api: Callable[[Person], KingbirdAPI],
    deployment: Deployment,
    glances: dict[str, Proxy],
) -> None:
    image = demo.make("RegionOne", visibility="private")["id"]
    first, second = new_id(), new_id()
    proxy = glances["RegionTwo"]
    with proxy.broken(error(503)):
        answer = api(demo).post(sync(image), headers={HEADER: first})
        job_id = answer.json()["job_status"]["id"]
        assert api(demo).wait(job_id).status == FAILURE
    before = len(proxy.calls)
    with deployment.keystone.recording() as calls:
        answer = api(demo).call("POST", f"/{job_id}/retry", headers={HEADER: second})
        assert answer.status_code == 202
        assert api(demo).wait(job_id).status == SUCCESS
    assert set().union(*for_a_job(calls).values()) == {second}
    assert request_ids(proxy.calls[before:]) == {second}


def test_without_one_the_answers_id_is_passed_on(
    demo: Person,
    api: Callable[[Person], KingbirdAPI],
    deployment: Deployment,
    glances: dict[str, Proxy],
) -> None:
    image = demo.make("RegionOne", visibility="private")["id"]
    for headers in ({}, {HEADER: "req-forged; DROP"}):
        before = len(glances["RegionTwo"].calls)
        with deployment.keystone.recording() as calls:
            answer = api(demo).post(sync(image), headers=headers)
            assert api(demo).wait(answer.json()["job_status"]["id"]).status == SUCCESS
        own = answer.headers[HEADER]
        assert set().union(*for_a_job(calls).values()) == {own}
        assert request_ids(glances["RegionTwo"].calls[before:]) == {own}
    assert not any("DROP" in log.read_text(errors="replace") for log in deployment.logs)
