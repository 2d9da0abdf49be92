"""Faults of those who ask for imports, and of users meanwhile."""

import threading
from collections.abc import Callable

from kingbird.tests.functional.chaos.import_trial import TARGET, Trial
from kingbird.tests.functional.conftest import NOTICED
from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.proxy import Answer, Call, Cut, Proxy, hold


def test_a_cancel_in_mid_import(trial: Trial) -> None:
    with trial.broken(hold(trial.gate)):
        trial.begin()
        trial.importing()
        item = trial.cancel()
        assert item["sync_status"] == "CANCELLED"
        assert "goes on" in item["message"]
        trial.gate.set()
        eventually("Glance goes on with it", lambda: trial.has_come, poll=0.1)


def test_data_that_a_user_uploads_into_the_record(trial: Trial) -> None:
    """The request for the import comes when the copy has other data."""
    asked = threading.Event()

    def wait(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        asked.set()
        trial.gate.wait(60)
        return forward(call)

    path = f"/v2/images/{trial.image['id']}/import"
    with trial.target.broken(wait, lambda call: call.path == path):
        trial.begin()
        assert asked.wait(60)
        trial.demo.upload(TARGET, trial.image["id"], b"other data")
        trial.gate.set()
        item = trial.end(imports=0)
    assert (item["sync_status"], item["reason"]) == (FAILURE, "data_differs")
    assert trial.copy["size"] == len(b"other data"), "they are left alone"


def test_an_engine_that_is_killed_between_the_request_and_the_row(trial: Trial) -> None:
    taken = threading.Event()

    def keep(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        answer = forward(call)
        assert answer.status == 202
        taken.set()
        trial.gate.wait(60)
        raise Cut

    path = f"/v2/images/{trial.image['id']}/import"
    with trial.target.broken(keep, lambda call: call.path == path, times=1):
        trial.begin()
        assert taken.wait(60)
        program = trial.kingbird.api
        assert program is not None
        program.kill()
        trial.gate.set()
        trial.kingbird.start_standalone()
        trial.kingbird.wait_until_ready()
    item = trial.end()
    assert (item["sync_status"], item["data"]) == (SUCCESS, "active")
    assert trial.has_come
    assert len(trial.tasks()) == 1


def test_a_trust_that_ends_while_an_import_waits(
    importing_kingbird: Deployment, demo: Person, glances: dict[str, Proxy]
) -> None:
    # RegionThree notices soon that a token is not good any more.
    trial = Trial(importing_kingbird, demo, glances, source="RegionThree")
    with trial.pool_is_full():
        trial.begin()
        trial.waiting()
        (trust_id,) = (
            row["trust_id"]
            for row in importing_kingbird.rows()["jobs"]
            if row["id"] == trial.job_id
        )
        demo.keystone("DELETE", f"/OS-TRUST/trusts/{trust_id}")
        threading.Event().wait(NOTICED)
    item = trial.end()
    assert item["sync_status"] == FAILURE
    assert item["reason"] in ("forbidden", "credentials_rejected", "credentials_lost")
    assert item["message"]
    assert trial.copy["status"] == "queued"
    trial.retry()
    assert trial.end(imports=2)["sync_status"] == SUCCESS
    assert trial.has_come
