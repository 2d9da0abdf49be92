"""Regions that cannot be listed completely.  Unknown images do not count as missing."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from kingbird.tests.functional.deployment import BREAKER_RESET_TIMEOUT, Deployment, Kind
from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS, KingbirdAPI, wildcard
from kingbird.tests.functional.list_calls import is_walk, recording
from kingbird.tests.functional.people import Image, Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.proxy import (
    Answer,
    Call,
    Fault,
    Proxy,
    capped,
    error,
    hold,
    refuse,
)
from kingbird.tests.functional.snapshots import owned_by, snapshot
from kingbird.tests.functional.wildcard_expected import REGIONS

API = Callable[[Person], KingbirdAPI]

ALL = "*"
#: Records without data suffice and are made faster.
QUEUED = {"filters": {"status": "queued"}}


def one_each(who: Person) -> dict[str, Image]:
    """Make an image in each region."""
    return {region: who.make(region, visibility="private") for region in REGIONS}


def brought(images: dict[str, Image], *targets: str) -> dict[tuple[str, str], str]:
    """Return the expected reasons of items that copy each image to other regions."""
    return {
        (image["id"], target): "created"
        for home, image in images.items()
        for target in targets
        if target != home
    }


FAULTS = {
    "away": (refuse, "region_unavailable"),
    "403": (error(403), "forbidden"),
    "401": (error(401), "credentials_rejected"),
}


@pytest.mark.parametrize(("fault", "reason"), FAULTS.values(), ids=FAULTS)
def test_a_region_is_away(
    fault: Fault, reason: str, newcomer: Person, api: API, glances: dict[str, Proxy]
) -> None:
    images = one_each(newcomer)
    there = {name: images[name] for name in ("RegionOne", "RegionTwo")}
    with glances["RegionThree"].broken(fault), recording(glances) as calls:
        job = api(newcomer).run(wildcard(**QUEUED))
    assert job.status == FAILURE
    problem = {(ALL, "RegionThree"): reason}
    assert job.reasons == brought(there, "RegionOne", "RegionTwo") | problem
    assert job.item(ALL)["sync_status"] == FAILURE
    assert job.item(ALL)["message"]
    assert job.outcomes == {reason: 1, "created": 2, "in_sync": 2}
    assert not calls.writes("RegionThree")

    # When the region is available again, the same request copies in both directions.
    time.sleep(BREAKER_RESET_TIMEOUT)
    job = api(newcomer).run(wildcard(**QUEUED))
    assert job.status == SUCCESS
    assert job.reasons == {
        **brought(there, "RegionThree"),
        **brought({"RegionThree": images["RegionThree"]}, "RegionOne", "RegionTwo"),
    }


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(refuse, "region_unavailable"), (error(403), "forbidden")],
    ids=["away", "403"],
)
def test_a_source_is_away(
    fault: Fault, reason: str, newcomer: Person, api: API, glances: dict[str, Proxy]
) -> None:
    images = one_each(newcomer)
    wanted = wildcard(source=["RegionThree", "RegionOne"], target=["RegionTwo"], **QUEUED)
    with glances["RegionThree"].broken(fault):
        job = api(newcomer).run(wanted)
    assert job.status == FAILURE
    assert job.reasons == {
        (images["RegionOne"]["id"], "RegionTwo"): "created",
        (ALL, "RegionThree"): reason,
    }


def maintenance(call: Call, forward: Callable[[Call], Answer]) -> Answer:
    """Answer 200 with an HTML page."""
    return Answer(200, [("Content-Type", "text/html")], b"<p>Maintenance</p>")


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize(
    ("fault", "reason"),
    [*FAULTS.values(), (maintenance, "region_unavailable")],
    ids=[*FAULTS, "HTML"],
)
def test_a_target_is_away(
    fault: Fault,
    reason: str,
    dry_run: bool,
    newcomer: Person,
    api: API,
    glances: dict[str, Proxy],
) -> None:
    image = newcomer.make("RegionOne", visibility="private")["id"]
    with glances["RegionTwo"].broken(fault):
        job = api(newcomer).run(wildcard(source="RegionOne", dry_run=dry_run, **QUEUED))
    assert job.status == FAILURE
    found = "missing" if dry_run else "created"
    assert job.reasons == {(image, "RegionThree"): found, (ALL, "RegionTwo"): reason}
    assert job.item(ALL)["message"]
    assert newcomer.images("RegionTwo").get(image) is None
    assert (newcomer.images("RegionThree").get(image) is None) == dry_run
    time.sleep(BREAKER_RESET_TIMEOUT)


#: Sets in which RegionThree is source and target.
PARTS = {
    "in one set": [wildcard(**QUEUED)],
    "in several": [
        wildcard(source="RegionOne", **QUEUED),
        wildcard(source="RegionTwo", **QUEUED),
        wildcard(source="RegionThree", **QUEUED),
    ],
}


@pytest.mark.parametrize("sets", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("fault", [refuse, error(403)], ids=["away", "403"])
def test_a_region_that_was_away_is_tried_again(
    sets: list[dict[str, Any]],
    fault: Fault,
    newcomer: Person,
    api: API,
    glances: dict[str, Proxy],
) -> None:
    images = one_each(newcomer)
    same = newcomer.make("RegionOne", name="same", visibility="private")["id"]
    for region in ("RegionTwo", "RegionThree"):
        newcomer.make(region, id=same, name="same", visibility="private")
    with glances["RegionThree"].broken(fault):
        job = api(newcomer).run(*sets)
    assert job.status == FAILURE
    assert {target for resource, target in job.reasons if resource == ALL} == {"RegionThree"}
    time.sleep(BREAKER_RESET_TIMEOUT)
    assert api(newcomer).call("POST", f"/{job.id}/retry").status_code == 202
    job = api(newcomer).wait(job.id)
    assert job.reasons == brought(images, *REGIONS)
    assert job.status == SUCCESS
    assert job.outcomes["created"] == 6
    # With several sets, only the two images that the first run copied count as in sync at home,
    # because their copies are sources by now.
    assert job.outcomes["in_sync"] == 3 + (3 if len(sets) == 1 else 2)
    there = owned_by(newcomer.project_id, snapshot(newcomer, REGIONS))
    for found in there.values():
        assert found.keys() == {same, *(image["id"] for image in images.values())}


def test_all_regions_are_away(newcomer: Person, api: API, glances: dict[str, Proxy]) -> None:
    one_each(newcomer)
    with (
        glances["RegionOne"].broken(error(403)),
        glances["RegionTwo"].broken(error(403)),
        glances["RegionThree"].broken(error(403)),
        recording(glances) as calls,
    ):
        job = api(newcomer).run(wildcard(**QUEUED))
    assert job.status == FAILURE
    assert job.reasons == {(ALL, region): "forbidden" for region in REGIONS}
    assert not calls.all_writes


def several(who: Person, region: str, count: int) -> list[str]:
    """Make images, and return their ids in order."""
    return sorted(who.make(region, visibility="private")["id"] for _ in range(count))


@pytest.mark.parametrize("status", [503, 403])
def test_a_region_goes_away_in_the_middle_of_its_list(
    status: int, newcomer: Person, api: API, glances: dict[str, Proxy]
) -> None:
    there = several(newcomer, "RegionThree", 12)
    ids = several(newcomer, "RegionOne", 12)
    last, listed = there[6], {""}

    def fails_after(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        if call.query.get("marker", "") >= last:
            return error(status)(call, forward)
        answer = forward(capped(call, 3))
        listed.update(image["id"] for image in json.loads(answer.body)["images"])
        return answer

    with glances["RegionThree"].broken(fails_after, is_walk), recording(glances) as calls:
        job = api(newcomer).run(wildcard(**QUEUED))
    assert job.status == FAILURE
    reasons = job.reasons
    problem = "forbidden" if status == 403 else "region_unavailable"
    assert reasons.pop((ALL, "RegionThree")) == problem
    assert {*reasons.values()} == {"created"}
    found = {region: {name for name, target in reasons if target == region} for region in REGIONS}
    # The other regions get their missing images, including those listed in RegionThree before the
    # fault.
    assert {name for name in there if name <= last} <= found["RegionOne"]
    assert found["RegionTwo"] == {*ids} | found["RegionOne"]
    # In RegionThree no image beyond the listed range counts as missing.
    missed = found["RegionThree"]
    assert {name for name in ids if name <= last} <= missed
    assert missed <= {name for name in ids if name <= max(listed)}
    made = [call.json["id"] for call in calls.calls["RegionThree"] if call.writes]
    assert sorted(made) == sorted(missed)
    # The number of list calls is bounded.
    assert len(calls.calls["RegionThree"]) < 200

    job = api(newcomer).run(wildcard(**QUEUED))
    assert job.status == SUCCESS
    everywhere = owned_by(newcomer.project_id, snapshot(newcomer, REGIONS))
    for images in everywhere.values():
        assert images.keys() == {*ids, *there}


def test_a_slow_region_holds_nobody_up(
    newcomer: Person, deploy_own: Callable[[Kind], Deployment], glances: dict[str, Proxy]
) -> None:
    running = deploy_own(Kind(options={"sync": {"slow_region_timeout": 1, "retry_timeout": 60}}))
    api = KingbirdAPI(running.url, newcomer)
    images = one_each(newcomer)
    gate = threading.Event()
    with glances["RegionThree"].broken(hold(gate), is_walk):
        job_id = api.accepted(wildcard(**QUEUED))
        # The other regions exchange their images before RegionThree has answered.
        for home, other in (("RegionOne", "RegionTwo"), ("RegionTwo", "RegionOne")):
            look = partial(newcomer.images(other).get, images[home]["id"])
            eventually(f"{other} has the image of {home}", look)
        gate.set()
        job = api.wait(job_id)
    assert job.status == SUCCESS
    assert job.reasons == brought(images, *REGIONS)
    assert job.outcomes == {"created": 6, "in_sync": 3}


def test_a_list_with_holes(newcomer: Person, api: API, glances: dict[str, Proxy]) -> None:
    """A policy removes an image from a page, so a short page is not the last one."""
    ids = several(newcomer, "RegionOne", 12)
    for image_id in ids:
        newcomer.make("RegionThree", id=image_id, visibility="private")
    left_out = ids[7]

    def leave_out(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        answer = forward(capped(call, 3))
        page = json.loads(answer.body)
        page["images"] = [image for image in page["images"] if image["id"] != left_out]
        return replace(answer, body=json.dumps(page).encode())

    with glances["RegionThree"].broken(leave_out, is_walk), recording(glances) as calls:
        job = api(newcomer).run(wildcard(**QUEUED))
    assert job.status == FAILURE
    assert job.item(ALL, "RegionThree")["reason"] == "listing_incomplete"
    assert {target for _, target in job.reasons} == {"RegionTwo", "RegionThree"}
    assert not calls.writes("RegionThree")
    assert {name for name, target in job.reasons if target == "RegionTwo"} == {*ids}
