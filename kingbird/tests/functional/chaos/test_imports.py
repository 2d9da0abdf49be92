"""Faults of regions during imports: each item ends and says where to look, no image is lost."""

import signal
from typing import Any

import pytest

from kingbird.tests.functional.chaos.import_trial import TARGET, Trial, half
from kingbird.tests.functional.glance_config import configured, limited
from kingbird.tests.functional.glance_rows import let_lock_expire
from kingbird.tests.functional.kingbird_api import FAILURE, SUCCESS, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.proxy import Fault, error, hold, refuse

#: Faults after which Glance keeps the lock for an hour.
LATE: dict[str, Fault] = {"cut in mid-download": half, "refused": refuse, "forbidden": error(403)}


def failed_late(trial: Trial) -> str:
    """Begin, wait until a late failure is told, and return Glance's task."""
    trial.begin()
    item = trial.until("the failure is told", lambda item: item["message"])
    assert item["data"] == "pending", "Glance keeps the lock"
    (task,) = trial.tasks()
    assert f"(task {task['id']})" in item["message"]
    assert item["import_task"] == task["id"]
    assert "log" in item["message"]
    return str(task["id"])


@pytest.mark.parametrize("fault", LATE.values(), ids=list(LATE))
def test_a_source_that_gives_no_data(trial: Trial, cloud: Any, fault: Fault) -> None:
    with trial.broken(fault):
        let_lock_expire(cloud, TARGET, failed_late(trial))
        item = trial.end(imports=2)
    assert (item["sync_status"], item["reason"]) == (FAILURE, "import_failed")
    assert item["data"] == "failed"
    task = trial.tasks()[1]["id"]
    assert f"(task {task})" in item["message"]
    assert trial.copy["status"] == "queued"
    # A retry finds the image locked, waits for the end of that, and brings the data.
    trial.retry()
    trial.until("the lock is told", lambda item: item["message"])
    let_lock_expire(cloud, TARGET, task)
    assert trial.end(imports=3)["sync_status"] == SUCCESS
    assert trial.has_come


def test_a_source_that_gives_data_at_the_second_time(trial: Trial, cloud: Any) -> None:
    with trial.broken(half):
        task = failed_late(trial)
    let_lock_expire(cloud, TARGET, task)
    item = trial.end(imports=2)
    assert (item["sync_status"], item["reason"]) == (SUCCESS, "created")
    assert item["data"] == "active"
    assert not item["message"]
    assert trial.has_come


def test_a_lock_that_is_held(trial: Trial) -> None:
    """Glance refuses another import for longer than Kingbird is told."""
    with trial.broken(half):
        task = failed_late(trial)
        item = trial.end(imports=1)
    assert (item["sync_status"], item["reason"]) == (FAILURE, "import_failed")
    assert f"(task {task})" in item["message"]
    assert "import_lock_time" in item["message"]


def test_a_job_that_is_cancelled_while_an_image_is_locked(trial: Trial) -> None:
    with trial.broken(half):
        failed_late(trial)
        assert trial.cancel()["sync_status"] == "CANCELLED"
    assert trial.copy["status"] == "queued"


def stuck(trial: Trial, status: str) -> None:
    item = trial.end()
    assert (item["sync_status"], item["reason"]) == (FAILURE, "import_stuck")
    assert item["data"] == "failed"
    (task,) = trial.tasks()
    assert f"(task {task['id']})" in item["message"]
    assert item["import_task"] == task["id"]
    assert "operator" in item["message"]
    assert trial.copy["status"] == status


def test_a_silent_source(trial: Trial) -> None:
    with trial.broken(hold(trial.gate)):
        trial.begin()
        trial.importing()
        stuck(trial, "importing")
        trial.gate.set()
        eventually("the data come all the same", lambda: trial.has_come, poll=0.1)
    again = trial.api.run(sync(trial.image["id"], data="import"))
    assert again.outcome == (SUCCESS, "in_sync")


def stop(cloud: Any, name: str, number: signal.Signals) -> None:
    """Send a signal to a region's Glance, and start it again."""
    from minicloud.errors import PortTaken
    from minicloud.processes import Process

    def is_back() -> bool:
        try:
            cloud.start(name)
        except PortTaken:
            # The process is not gone yet.
            return False
        return True

    found = Process.load(cloud.state.pid(name))
    assert found is not None
    found.send(number)
    eventually("the process is gone", lambda: not found.is_running(), poll=0.1)
    eventually("Glance is back", is_back, poll=0.2)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_target_that_is_stopped_in_mid_import(
    trial: Trial, cloud: Any, number: signal.Signals
) -> None:
    with trial.broken(hold(trial.gate)):
        trial.begin()
        trial.importing()
        stop(cloud, f"glance-{TARGET}", number)
        stuck(trial, "importing")


def test_a_target_that_is_killed_while_an_import_waits(trial: Trial, cloud: Any) -> None:
    with trial.pool_is_full():
        trial.begin()
        trial.waiting()
        stop(cloud, f"glance-{TARGET}", signal.SIGKILL)
        stuck(trial, "queued")


def test_an_import_filter(trial: Trial, cloud: Any) -> None:
    filtered = {"allowed_ports": "[80, 443]"}
    with configured(cloud, TARGET, import_filtering_opts=filtered):
        trial.begin()
        item = trial.end(imports=4)
        assert (item["sync_status"], item["reason"]) == (FAILURE, "import_failed")
        assert "import filter" in item["message"]
        tasks = trial.tasks()
        assert [task["status"] for task in tasks] == ["failure"] * 4
        assert f"(task {tasks[-1]['id']})" in item["message"]
    trial.retry()
    assert trial.end(imports=5)["sync_status"] == SUCCESS
    assert trial.has_come


def test_a_disabled_method(trial: Trial, cloud: Any) -> None:
    disabled = {"enabled_import_methods": "[glance-direct,web-download]"}
    with configured(cloud, TARGET, DEFAULT=disabled):
        trial.begin()
        item = trial.end(imports=0)
        assert (item["sync_status"], item["reason"]) == (FAILURE, "import_not_enabled")
        assert "enabled_import_methods" in item["message"]
    trial.retry()
    assert trial.end()["reason"] == "imported"
    assert trial.has_come


@pytest.mark.parametrize(
    ("limit", "used", "imports"), [("image_size_total", 2, 0), ("image_count_uploading", 0, 1)]
)
def test_a_quota(
    trial: Trial, cloud: Any, admin: Person, limit: str, used: int, imports: int
) -> None:
    """Glance refuses the request over the first limit, and the task tells of the second one."""
    trial.demo.make(TARGET, bytes(used * 2**20), visibility="private")
    with limited(cloud, TARGET, admin, **{limit: 1 if used else 0}):
        trial.begin()
        item = trial.end(imports=imports)
    assert (item["sync_status"], item["reason"]) == (FAILURE, "quota")
    assert f"Resource {limit} is over limit of" in item["message"]
    assert trial.copy["status"] == "queued"
    trial.retry()
    assert trial.end(imports=imports + 1)["sync_status"] == SUCCESS
    assert trial.has_come
