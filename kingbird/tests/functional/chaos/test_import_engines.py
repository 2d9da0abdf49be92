"""Two engines on the data of one job, and Glances that convert data.

Each test runs a Kingbird of its own: with another one beside it, both delete the trusts that they
do not know.
"""

import gzip
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kingbird.tests.functional.chaos.import_trial import OPTIONS, TARGET
from kingbird.tests.functional.chaos.rows import Rows
from kingbird.tests.functional.deployment import Deployment, Kind, deploy
from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS, KingbirdAPI, sync, wildcard
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import Program, eventually
from kingbird.tests.functional.proxy import Answer, Call, Proxy

#: Images of a job that two engines work on, and imports that may run at a time.
MANY, AT_A_TIME = 12, 2
#: The region that decompresses data at import.
CONVERTS = "RegionThree"


def test_two_engines_on_the_data_of_one_job(
    deploy_own: Callable[[Kind], Deployment], demo: Person, glances: dict[str, Proxy]
) -> None:
    """One stands still while it asks, loses its lease to the other one, and goes on then."""
    options = {**OPTIONS, "sync": {**OPTIONS["sync"], "imports_per_region": AT_A_TIME}}
    kingbird = deploy_own(Kind("MariaDB", broker=True, engines=2, options=options))
    api, rows = KingbirdAPI(kingbird.url, demo), Rows(kingbird.database_url)
    images = [
        demo.make("RegionOne", os.urandom(300_000), visibility="private") for _ in range(MANY)
    ]
    asked, gate = threading.Event(), threading.Event()

    def keep(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        answer = forward(call)
        asked.set()
        gate.wait(60)
        return answer

    def asks(call: Call) -> bool:
        return call.method == "POST" and call.path.endswith("/import")

    def holder(job_id: str) -> Program:
        """Return the engine that has the task for data."""
        (engine,) = rows.holders(job_id)
        pid = rows.engines()[engine]
        return next(one for one in kingbird.engines if pid in one.pids)

    def come() -> int:
        items = api.items(job_id)
        running = sum(item["data"] == "importing" for item in items)
        assert running <= AT_A_TIME
        return sum(item["data"] == "active" for item in items)

    with glances[TARGET].broken(keep, asks, times=1):
        job_id = api.accepted(sync(*(image["id"] for image in images), data="import"))
        assert asked.wait(60)
        first = holder(job_id)
        first.send(signal.SIGSTOP)
        try:
            eventually("the other one goes on", lambda: come() >= MANY // 3, poll=0.1)
        finally:
            first.send(signal.SIGCONT)
        gate.set()
    assert api.wait(job_id).status == SUCCESS
    assert come() == MANY
    for image in images:
        copy = demo.see(TARGET, image["id"])
        assert copy["os_hash_value"] == image["os_hash_value"]
        assert len(demo.images(TARGET).list_import_tasks(image["id"])) == 1
    eventually("it has noticed", lambda: "Lease lost" in first.log.read_text())


def test_a_target_that_converts_data(
    cloud: Any, newcomer: Person, glances: dict[str, Proxy], tmp_path: Path
) -> None:
    compressed = gzip.compress(os.urandom(50_000))
    first, second = (
        newcomer.make("RegionOne", compressed, visibility="private") for _ in range(2)
    )
    # The region is not configured as one that converts.
    with deploy(Kind(options=OPTIONS), cloud, tmp_path) as kingbird:
        job = KingbirdAPI(kingbird.url, newcomer).run(
            sync(first["id"], target=CONVERTS, data="import")
        )
    assert job.outcome == (FAILURE, "data_differs")
    assert "regions_that_convert" in job.only["message"]
    assert newcomer.see(CONVERTS, first["id"])["status"] == "active", "it is left alone"
    options = {**OPTIONS, "sync": {**OPTIONS["sync"], "regions_that_convert": CONVERTS}}
    with deploy(Kind(options=options), cloud, tmp_path) as kingbird:
        api = KingbirdAPI(kingbird.url, newcomer)
        wanted = sync(first["id"], second["id"], target=CONVERTS, data="import")
        job = api.run(wanted)
        assert job.item(first["id"])["reason"] == "in_sync"
        item = job.item(second["id"])
        assert (item["reason"], item["data"]) == ("created", "active")
        assert "converted" in item["message"]
        copies = [newcomer.see(CONVERTS, image["id"]) for image in (first, second)]
        assert all(copy["os_hash_value"] != first["os_hash_value"] for copy in copies)
        everything = {"source": "RegionOne", "target": [CONVERTS], "data": "import"}
        with glances[CONVERTS].recording() as calls:
            again = api.run(wanted)
            swept = [
                api.run(wildcard(**everything, **more))
                for more in ({}, {"on_drift": "update", "prune": True}, {"force": True})
            ]
    assert set(again.reasons.values()) == {"in_sync"}
    assert [(one.status, one.items) for one in swept] == [(SUCCESS, [])] * 3
    assert [call for call in calls if call.writes] == []
    assert copies == [newcomer.see(CONVERTS, image["id"]) for image in (first, second)]
