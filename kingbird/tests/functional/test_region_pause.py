"""A region that is away in the middle of a job: the job waits for it, and loses no item."""

import time
from collections.abc import Callable

import pytest

from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.proxy import Call, Proxy, refuse

#: Seconds for which the region is away: many times as long as a call is retried.
GONE = 12.0
OPTIONS = {
    "retry_timeout": 0.5,
    "breaker_threshold": 3,
    "breaker_reset_timeout": 1,
    "region_patience": 600,
}
#: Records that are written before the region goes away, and all of them.
BEFORE, IMAGES = 15, 60


def after_some_writes() -> Callable[[Call], bool]:
    """Return what matches all calls from some write on."""
    writes: list[str] = []

    def is_away(call: Call) -> bool:
        if call.method == "POST":
            writes.append(call.path)
        return len(writes) > BEFORE

    return is_away


@pytest.mark.parametrize("ending", ["the region is back", "cancel"])
def test_an_outage(
    demo: Person,
    deploy_own: Callable[[Kind], Deployment],
    glances: dict[str, Proxy],
    ending: str,
) -> None:
    api = KingbirdAPI(deploy_own(Kind(options={"sync": OPTIONS})).url, demo)
    images = [demo.make("RegionOne")["id"] for _ in range(IMAGES)]
    with glances["RegionTwo"].broken(refuse, after_some_writes()):
        begin = time.monotonic()
        job_id = api.accepted(sync(*images))

        def waits() -> bool:
            return api.show(job_id)[1]["waits_for"] == ["RegionTwo"]

        eventually("the job waits for the region", waits)
        if ending == "cancel":
            assert api.call("POST", f"/{job_id}/cancel").status_code == 202
            job = api.wait(job_id)
            assert job.status == "CANCELLED"
            assert set(job.outcomes) == {"created", "cancelled"}
            return
        time.sleep(max(0.0, begin + GONE - time.monotonic()))
        assert waits()
    job = api.wait(job_id)
    assert job.status == SUCCESS
    assert job.outcomes == {"created": IMAGES}
    assert all(demo.see("RegionTwo", one)["id"] == one for one in images)
