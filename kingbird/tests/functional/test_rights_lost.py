"""A user loses rights while a job runs: the remaining items fail, and the job ends."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kingbird.tests.functional.accounts import (
    be_disabled,
    delete_user,
    lose_the_role,
    new_member,
)
from kingbird.tests.functional.conftest import NOTICED
from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.proxy import Answer, Call, Proxy
from kingbird.tests.functional.test_credentials import trusts
from kingbird.tests.functional.test_faults import is_post

IMAGES = 40
#: The number of records when the rights are removed.
BEFORE = 10


@pytest.fixture
def somebody(admin: Person, cloud: Any) -> Iterator[Person]:
    """Return a new member of demo's project."""
    person = new_member(cloud, admin)
    yield person
    delete_user(admin, person)


@pytest.mark.parametrize("lose", [lose_the_role, be_disabled])
def test_in_the_middle_of_a_job(
    lose: Callable[[Person, Person], None],
    somebody: Person,
    admin: Person,
    cloud: Any,
    glances: dict[str, Proxy],
    api: Callable[[Person], KingbirdAPI],
    deployment: Deployment,
) -> None:
    """Glance notices the change when its cached validation of the token expires."""
    images = [somebody.make("RegionOne", visibility="private")["id"] for _ in range(IMAGES)]
    lock = threading.Lock()
    posts = 0

    def fault(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        nonlocal posts
        with lock:
            posts += 1
            if posts == BEFORE:
                lose(admin, somebody)
                # Calls in progress wait as well.
                time.sleep(NOTICED)
        return forward(call)

    with glances["RegionThree"].broken(fault, is_post):
        job_id = api(somebody).accepted(sync(*images, target=["RegionThree"]))

        def ended() -> bool:
            (row,) = [row for row in deployment.rows()["jobs"] if row["id"] == job_id]
            return row["status"] == FAILURE

        eventually("the job has ended", ended, poll=0.5)
    answer = api(admin).call("GET", f"/{job_id}", project=somebody.project_id)
    items = answer.json()["job_set"]
    outcomes = {item["resource"]: (item["sync_status"], item["reason"]) for item in items}
    assert set(outcomes) == set(images)
    assert set(outcomes.values()) == {(SUCCESS, "created"), (FAILURE, "forbidden")}
    assert [*outcomes.values()].count((SUCCESS, "created")) >= BEFORE - 8
    # The outcomes match the records.
    there = {image for image in images if admin.images("RegionThree").get(image) is not None}
    assert there == {image for image, found in outcomes.items() if found[0] == SUCCESS}
    eventually(
        "no trust is left",
        lambda: (
            not [
                trust
                for trust in trusts(admin, cloud)
                if trust["trustor_user_id"] == somebody.user_id
            ]
        ),
    )
