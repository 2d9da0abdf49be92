"""The commands about jobs, from their words to the database of the real API."""

from typing import Any

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db.models import Job
from kingbird.tests.api import fixtures
from kingbird.tests.api.world import IMAGE, IMAGE_2, OTHER_PROJECT, PROJECT
from kingbird.tests.unit.osc.cloud import Cloud
from kingbird.tests.unit.osc.jobs import JSON, Osc, dry, engine


def test_list_and_pages(osc: Osc, cloud: Cloud) -> None:
    fixtures.Jobs().start_fixture()
    listed = osc("list", *JSON).json
    assert [job["ID"] for job in listed] == [
        fixtures.RUNNING_JOB,
        fixtures.FAILED_JOB,
        fixtures.ENDED_JOB,
    ]
    words = ("--sort", "created_at:asc", "--limit", "1", "--marker", fixtures.ENDED_JOB)
    (job,) = osc("list", *words, *JSON).json
    assert job["ID"] == fixtures.FAILED_JOB
    found = osc("list", "--status", "failure", "--status", "success", *JSON).json
    assert {job["Status"] for job in found} == {"FAILURE", "SUCCESS"}
    (job,) = osc("list", "--active", *JSON).json
    assert job["ID"] == fixtures.RUNNING_JOB


def test_all_pages_of_a_job(osc: Osc, cloud: Cloud) -> None:
    fixtures.LongJob().start_fixture()
    cloud.world.conf.set_override("max_limit", 2, group="api")
    some = osc("show", fixtures.LONG_JOB, *JSON)
    assert len(some.json) == 2
    assert "--all" in some.err
    cloud.calls.clear()
    every = osc("show", fixtures.LONG_JOB, "--all", *JSON).json
    assert [item["Reason"] for item in every] == [
        reason for _, reason, _ in fixtures.LongJob.ITEMS
    ]
    assert len(cloud.calls) == 1
    planned = osc("show", fixtures.LONG_JOB, "--status", "PLANNED", "--all", "--long", *JSON).json
    assert {item["Status"] for item in planned} == {"PLANNED"}
    job = osc("summary", fixtures.LONG_JOB, *JSON).json
    assert (job["Dry Run"], job["Outcomes"]["in_sync"]) == (True, 9995)


def test_delete_goes_on_after_a_job_that_stays(osc: Osc) -> None:
    fixtures.Jobs().start_fixture()
    jobs = (fixtures.RUNNING_JOB, fixtures.ENDED_JOB, fixtures.FAILED_JOB)
    done = osc("delete", *jobs)
    assert done.code == 1
    assert "HTTP 406" in done.err
    assert "1 of 3" in done.err
    assert [job["ID"] for job in osc("list", *JSON).json] == [fixtures.RUNNING_JOB]


def test_cancel_and_retry(osc: Osc) -> None:
    fixtures.Jobs().start_fixture()
    assert osc("cancel", fixtures.RUNNING_JOB, *JSON).json["Cancelled"] is True
    again = osc("retry", fixtures.FAILED_JOB, *JSON).json
    assert (again["Status"], again["Runs"]) == ("IN_PROGRESS", 2)
    done = osc("cancel", fixtures.ENDED_JOB)
    assert (done.code, "HTTP 409" in done.err) == (1, True)


def test_details_of_jobs(osc: Osc, cloud: Cloud) -> None:
    fixtures.Jobs().start_fixture()
    running, failed, _ = osc("list", "--long", *JSON).json
    assert (running["Phase"], running["Origin"], running["Ended At"]) == ("planning", "user", None)
    assert (failed["Phase"], failed["Status"]) == ("ended", "FAILURE")
    assert failed["Outcomes"] == {"in_sync": 1, "owner_conflict": 1}
    (job,) = osc("list", "--long", "--active", *JSON).json
    assert job["ID"] == fixtures.RUNNING_JOB
    jobs = osc("list", "--all-projects", *JSON, user="admin").json
    assert {job["ID"]: job["Project"] for job in jobs}[fixtures.THEIR_JOB] == OTHER_PROJECT
    assert len(jobs) == 4
    assert "HTTP 403" in osc("list", "--all-projects").err
    for other in (("--status", "FAILURE", "--active"), ("--all-projects", "--project", PROJECT)):
        refused = osc("list", "--long", *other)
        assert (refused.code, other[0] in refused.err) == (1, True)


def test_items_are_selected_and_named(osc: Osc, cloud: Cloud) -> None:
    fixtures.LongJob().start_fixture()
    (item,) = osc("show", fixtures.LONG_JOB, "--reason", "OWNER_CONFLICT", *JSON).json
    assert (item["Name"], item["Reason"]) == ("an image", "owner_conflict")
    words = ("show", fixtures.LONG_JOB, "--reason", "created", "--reason", "updated")
    assert len(osc(*words, *JSON).json) == 3
    (one,) = osc("show", fixtures.LONG_JOB, "--image", item["Image"], *JSON).json
    assert one == item
    assert osc("show", fixtures.LONG_JOB, "--region", "RegionThree", *JSON).json == []
    assert len(osc("show", fixtures.LONG_JOB, "--region", "RegionTwo", *JSON).json) == 5
    assert osc("show", fixtures.LONG_JOB, "--changed-since", "2999-01-01", *JSON).json == []
    refused = osc("show", fixtures.LONG_JOB, "--changed-since", "yesterday")
    assert (refused.code, "changed_since" in refused.err) == (1, True)


def test_the_values_of_a_drift(osc: Osc, cloud: Cloud) -> None:
    values = {"name": {"source": "web", "target": "wob"}}
    with engine(cloud, dry(IMAGE, "RegionTwo", "drift", differences=values)):
        done = osc("diff", "--all", "--keep")
    assert 'drift: About drift; name: "web" -> "wob"' in done.out
    (job,) = osc("list", *JSON).json
    (item,) = osc("show", job["ID"], "--long", *JSON).json
    assert item["Differences"] == values
    assert 'name: "web" -> "wob"' in osc("show", job["ID"], "--long").out


def test_a_part_of_a_job(osc: Osc, cloud: Cloud) -> None:
    fixtures.Jobs().start_fixture()
    part = ("--image", IMAGE, "--region", "RegionTwo")
    made = osc("cancel", fixtures.RUNNING_JOB, *part, *JSON).json
    assert (made["Cancelled"], made["Status"]) == (False, "IN_PROGRESS")
    refused = osc("cancel", fixtures.RUNNING_JOB, "--region", "RegionThree")
    assert (refused.code, "RegionThree" in refused.err) == (1, True)
    # The image of this job that failed is another one.
    assert "HTTP 409" in osc("retry", fixtures.FAILED_JOB, *part).err
    again = osc("retry", fixtures.FAILED_JOB, "--image", IMAGE_2, *JSON).json
    assert (again["Status"], again["Runs"]) == ("IN_PROGRESS", 2)
    assert not osc("cancel", fixtures.FAILED_JOB, "--image", "nothing").out


def test_a_dry_run_is_applied(osc: Osc, cloud: Cloud) -> None:
    fixtures.DryRun().start_fixture()
    made = osc("apply", fixtures.DRY_RUN, *JSON).json
    assert (made["Of"], made["Status"], made["Dry Run"]) == (
        fixtures.DRY_RUN,
        "IN_PROGRESS",
        False,
    )
    refused = osc("apply", made["ID"])
    assert (refused.code, "HTTP 409" in refused.err) == (1, True)


def test_a_job_is_undone(osc: Osc, cloud: Cloud) -> None:
    fixtures.Jobs().start_fixture()
    made = osc("undo", fixtures.ENDED_JOB, *JSON).json
    assert (made["Of"], made["Status"]) == (fixtures.ENDED_JOB, "IN_PROGRESS")
    refused = osc("undo", fixtures.ENDED_JOB)
    assert (refused.code, "HTTP 409" in refused.err) == (1, True)


def test_polls_send_the_tag_of_the_job(osc: Osc, cloud: Cloud) -> None:
    fixtures.Jobs().start_fixture()
    tagged: list[tuple[bool, str]] = []
    application = cloud.world.application

    def record(environ: dict[str, Any], start_response: Any) -> Any:
        if len(tagged) == 3:
            with db.get_engine().begin() as bind:
                change = {"status": "SUCCESS", "revision": Job.revision + 1}
                bind.execute(sa.update(Job).where(Job.id == fixtures.RUNNING_JOB).values(change))

        def start(status: str, *more: Any) -> Any:
            tagged.append((environ.get("HTTP_IF_NONE_MATCH") is not None, status[:3]))
            return start_response(status, *more)

        return application(environ, start)

    cloud.world.application = record
    done = osc("summary", fixtures.RUNNING_JOB, "--wait", *JSON)
    assert (done.code, done.json["Status"]) == (0, "SUCCESS")
    assert tagged[:4] == [(False, "200"), (True, "304"), (True, "304"), (True, "200")]


@pytest.mark.parametrize(("status", "code"), [("SUCCESS", 0), ("FAILURE", 2)])
def test_wait_exits_as_the_job_ends(osc: Osc, cloud: Cloud, status: str, code: int) -> None:
    words = ("create", IMAGE, "--source", "RegionOne", "--target", "RegionTwo")
    with engine(cloud, {"resource": IMAGE, "status": status, "reason": "created"}):
        done = osc(*words, "--wait", *JSON)
    assert (done.code, done.json["Status"]) == (code, status)
    assert "RegionTwo" not in done.err


def test_wait_gives_up(osc: Osc) -> None:
    fixtures.Jobs().start_fixture()
    done = osc("summary", fixtures.RUNNING_JOB, "--wait", "--timeout", "0", *JSON)
    assert (done.code, done.json["Status"]) == (4, "IN_PROGRESS")
    assert "had not ended" in done.err


def test_an_answer_of_something_else(osc: Osc, cloud: Cloud) -> None:
    cloud.instead.append(("502 Bad Gateway", [("Content-Type", "text/html")], b"<h1>Oh</h1>"))
    done = osc("list")
    assert (done.code, "HTTP 502" in done.err, "<h1>" in done.err) == (1, True, False)
    cloud.instead.append(("200 OK", [("Content-Type", "text/html")], b"<h1>Welcome</h1>"))
    done = osc("list")
    assert (done.code, "doesn't answer as Kingbird does" in done.err) == (1, True)


def test_engines(osc: Osc) -> None:
    db.engines.heartbeat("here:1", host="here", pid=1, version="1.2.3", rpc_version="1.0")
    (engine,) = osc("engine", "list", *JSON, user="admin").json
    assert (engine["Host"], engine["PID"], engine["Alive"]) == ("here", 1, True)
    assert (engine["Type"], engine["Hears"]) == ("engine", [])
    assert (engine["Tasks"], engine["Failing Regions"]) == (0, {})


def test_the_work_of_engines(osc: Osc) -> None:
    fixtures.Engines().start_fixture()
    engines = {row["ID"]: row for row in osc("engine", "list", "--long", *JSON, user="admin").json}
    here = engines["here:1"]
    assert here["Tasks"] == len(here["Works On"]) > 0
    assert {"job", "region", "since"} == {*here["Works On"][0]}
    assert [*here["Failing Regions"]] == ["RegionTwo"]


def test_listeners_are_listed_beside_engines(osc: Osc) -> None:
    db.engines.heartbeat("here:1", host="here", pid=1, version="1.2.3", rpc_version="1.0")
    heard: dict[str, Any] = {"connected": True, "heard": 5_000, "since": 1_000}
    away: dict[str, Any] = {"connected": False, "heard": 5_000, "since": None}
    regions = {"RegionTwo": heard, "RegionThree": away, "RegionOne": heard}
    db.listeners.beat("there:2", host="there", pid=2, version="1.2.3", regions=regions)
    engine, listener = osc("engine", "list", *JSON, user="admin").json
    assert (engine["Type"], listener["Type"]) == ("engine", "listener")
    assert (listener["ID"], listener["Host"], listener["PID"]) == ("there:2", "there", 2)
    assert (listener["Hears"], listener["Alive"]) == (["RegionOne", "RegionTwo"], True)
    assert "RegionOne, RegionTwo" in osc("engine", "list", user="admin").out
