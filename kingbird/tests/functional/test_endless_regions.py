"""Regions whose answers or lists do not end: the others are written to meanwhile.

A call is retried for a minute here, as by default, so a job that waits for such a region shows.
"""

import dataclasses
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from kingbird.tests.functional.deployment import Deployment, Kind, deploy
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync, wildcard
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.proxy import Answer, Call, Fault, Proxy, capped, error, hold

ODD, HEALTHY = "RegionThree", "RegionTwo"
#: Seconds in which the healthy region has its record.  It would take a minute otherwise.
SOON = 25


@pytest.fixture(scope="module")
def patient(
    cloud: Any, glances: dict[str, Proxy], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """Start a Kingbird that waits for a lagging region for a second."""
    options = {"sync": {"slow_region_timeout": 1, "retry_timeout": 60}}
    with deploy(Kind(options=options), cloud, tmp_path_factory.mktemp("patient")) as running:
        yield running


def repeats(call: Call, forward: Callable[[Call], Answer]) -> Answer:
    """List the first images whatever the marker is, with a link to the next page."""
    return forward(capped(dataclasses.replace(call, url=without(call.url, "marker")), 1))


def drops_the_query(call: Call, forward: Callable[[Call], Answer]) -> Answer:
    """Redirect a list to the same path without its query, and list one image there."""
    if call.query:
        location = f"http://{call.headers['Host']}{call.path}"
        return Answer(302, [("Location", location)], b"")
    return forward(dataclasses.replace(call, url=f"{call.path}?limit=1"))


def without(url: str, name: str) -> str:
    return re.sub(rf"&{name}=[^&]*", "", url)


def is_list(call: Call) -> bool:
    return call.method == "GET" and call.path == "/v2/images"


FAULTS: dict[str, Fault] = {
    "503": error(503),
    "repeats": repeats,
    "drops the query": drops_the_query,
}


@pytest.mark.parametrize("kind", ["named", "named, dry run", "wildcard", "wildcard, dry run"])
@pytest.mark.parametrize("fault", ["hangs", *FAULTS])
def test_a_healthy_region_does_not_wait(
    newcomer: Person, patient: Deployment, glances: dict[str, Proxy], fault: str, kind: str
) -> None:
    api = KingbirdAPI(patient.url, newcomer)
    image = newcomer.make("RegionOne", visibility="private")["id"]
    for _ in range(3):
        newcomer.make(ODD, visibility="private")
    dry_run = kind.endswith("dry run")
    targets = [HEALTHY, ODD]
    if kind.startswith("named"):
        wanted = sync(image, target=targets, dry_run=dry_run)
    else:
        filters = {"status": "queued"}
        wanted = wildcard(source="RegionOne", target=targets, filters=filters, dry_run=dry_run)
    gate = threading.Event()

    def outcome(job_id: str) -> str | None:
        found = api.call("GET", f"/{job_id}").json()["job_set"]
        return next((one["reason"] for one in found if one["target_region"] == HEALTHY), None)

    with ExitStack() as stack:
        stack.callback(gate.set)
        broken = glances[ODD].broken(FAULTS.get(fault) or hold(gate), is_list)
        stack.enter_context(broken)
        job_id = api.accepted(wanted)
        eventually(f"{HEALTHY} is done", partial(outcome, job_id), seconds=SOON)
        assert outcome(job_id) == ("missing" if dry_run else "created")
    job = api.wait(job_id)
    reasons = job.reasons
    done = "missing" if dry_run else "created"
    assert reasons.pop((image, HEALTHY)) == done
    if job.status != SUCCESS:
        # The list was found not to end before it was mended.  The images before that point count.
        assert reasons.pop((image, ODD), done) == done
        assert reasons == {("*", ODD): "region_unavailable"}
        assert "again and again" in job.item("*")["message"]
    else:
        assert reasons == {(image, ODD): done}


@pytest.mark.parametrize("fault", ["repeats", "drops the query"])
def test_a_source_whose_list_does_not_end(
    newcomer: Person, patient: Deployment, glances: dict[str, Proxy], fault: str
) -> None:
    """The caller of a POST is told; a wildcard ends with an item for the region."""
    api = KingbirdAPI(patient.url, newcomer)
    images = [newcomer.make(ODD, visibility="private")["id"] for _ in range(3)]
    with glances[ODD].broken(FAULTS[fault], is_list):
        answer = api.post(sync(*images, source=ODD, target=[HEALTHY]))
        assert answer.status_code == 503
        assert ODD in answer.json()["error"]["message"]
        job = api.run(wildcard(source=ODD, target=[HEALTHY], filters={"status": "queued"}))
    assert job.item("*", ODD)["reason"] == "region_unavailable"


def test_a_job_that_waits_can_be_cancelled(
    newcomer: Person, patient: Deployment, glances: dict[str, Proxy]
) -> None:
    api = KingbirdAPI(patient.url, newcomer)
    image = newcomer.make("RegionOne", visibility="private")["id"]
    gate = threading.Event()
    with ExitStack() as stack:
        stack.callback(gate.set)
        stack.enter_context(glances[ODD].broken(hold(gate), is_list))
        job_id = api.accepted(sync(image, target=[HEALTHY, ODD]))
        eventually(
            "the healthy region has it",
            lambda: newcomer.images(HEALTHY).get(image),
            seconds=SOON,
        )
        assert api.call("POST", f"/{job_id}/cancel").status_code == 202
        job = api.wait(job_id)
    assert job.status == "CANCELLED"
    assert job.reasons == {(image, HEALTHY): "created", (image, ODD): "cancelled"}
    # The job names what the region has missed, so a retry makes up for it.
    assert api.call("POST", f"/{job_id}/retry").status_code == 202
    assert api.wait(job_id).reasons == {(image, HEALTHY): "created", (image, ODD): "created"}
