"""Faults between Kingbird and a Glance from which jobs recover."""

from collections.abc import Callable

import pytest

from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.proxy import (
    Call,
    Fault,
    Proxy,
    error,
    half_make,
    lose_answer,
    refuse,
)

API = Callable[[Person], KingbirdAPI]


def is_post(call: Call) -> bool:
    return call.method == "POST"


def test_a_half_made_record_is_completed(
    demo: Person, api: API, glances: dict[str, Proxy]
) -> None:
    image = demo.make("RegionOne", b"data", tags=["one", "two"], os_distro="plan9")
    proxy = glances["RegionTwo"]
    with proxy.recording() as calls, proxy.broken(half_make, is_post, times=1):
        job = api(demo).run(sync(image["id"]))
    assert job.outcome == (SUCCESS, "created")
    record = demo.see("RegionTwo", image["id"])
    assert sorted(record["tags"]) == ["one", "two"]
    assert record["os_distro"] == "plan9"
    assert [call.method for call in calls if call.writes] == ["POST", "PATCH"]


def test_a_half_made_forced_copy_is_completed(
    demo: Person, api: API, glances: dict[str, Proxy]
) -> None:
    image = demo.make("RegionOne", tags=["one"])
    with glances["RegionTwo"].broken(half_make, is_post, times=1):
        job = api(demo).run(sync(image["id"], force=True))
    assert job.outcome == (SUCCESS, "created")
    assert demo.see("RegionTwo", job.only["target_resource"])["tags"] == ["one"]


@pytest.mark.parametrize("force", [False, True])
def test_a_lost_answer_counts_as_created(
    demo: Person, api: API, glances: dict[str, Proxy], force: bool
) -> None:
    image = demo.make("RegionOne", tags=["one"])
    proxy = glances["RegionTwo"]
    with proxy.broken(lose_answer, is_post, times=1), proxy.recording() as calls:
        job = api(demo).run(sync(image["id"], force=force))
    assert job.outcome == (SUCCESS, "created")
    assert demo.see("RegionTwo", job.only["target_resource"])["tags"] == ["one"]
    assert [call.status for call in calls if call.method == "POST"].count(201) == 0


@pytest.mark.parametrize(
    "fault",
    [error(503), error(500), error(429, Retry_After="1"), refuse],
    ids=["503", "500", "429", "refused"],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_call_that_fails_once_is_made_again(
    demo: Person, api: API, glances: dict[str, Proxy], fault: Fault, method: str
) -> None:
    image = demo.make("RegionOne")
    with glances["RegionTwo"].broken(fault, lambda call: call.method == method, times=1):
        job = api(demo).run(sync(image["id"]))
    assert job.outcome == (SUCCESS, "created")


def test_creates_that_always_fail(demo: Person, api: API, glances: dict[str, Proxy]) -> None:
    images = [demo.make("RegionOne") for _ in range(30)]
    proxy = glances["RegionTwo"]
    with proxy.broken(error(503), is_post), proxy.recording() as calls:
        job = api(demo).run(sync(*(image["id"] for image in images)))
    assert job.status == FAILURE
    assert {item["reason"] for item in job.items} == {"region_unavailable"}
    # The circuit breaker opens after some failures, and the others fail without a call.
    tried = {call.json["id"] for call in calls if call.method == "POST"}
    assert 0 < len(tried) < len(images)


def test_a_source_that_is_away(demo: Person, api: API, glances: dict[str, Proxy]) -> None:
    image = demo.make("RegionOne")
    with glances["RegionOne"].broken(refuse):
        answer = api(demo).post(sync(image["id"]))
    assert answer.status_code == 503
    assert "RegionOne" in answer.json()["error"]["message"]


def test_a_source_that_goes_away(demo: Person, api: API, glances: dict[str, Proxy]) -> None:
    image = demo.make("RegionOne")
    looks: list[Call] = []

    def after_the_first(call: Call) -> bool:
        looks.append(call)
        return len(looks) > 1

    with glances["RegionOne"].broken(error(503), after_the_first):
        job = api(demo).run(sync(image["id"]))
    assert (job.status, *job.outcome) == (FAILURE, FAILURE, "region_unavailable")
