"""The commands, from their words to the database of the real API."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db.models import Job
from kingbird.osc.images import FORCED
from kingbird.sync import image as fields
from kingbird.tests.api import fixtures
from kingbird.tests.api.world import IMAGE, IMAGE_2, IN_TWO, OTHER_PROJECT, PROJECT, REGIONS
from kingbird.tests.unit.osc.cloud import OTHER_DOMAIN, OTHER_NAME, Cloud
from kingbird.tests.waiting import eventually

Osc = Callable[..., Any]
JSON = ("-f", "json")


def stored(job_id: str) -> list[dict[str, Any]]:
    """Return the sets of a job as the API stored them."""
    job = db.jobs.get(PROJECT, job_id, with_all_projects=True)
    assert job is not None
    return list(job.request)


@contextlib.contextmanager
def engine(cloud: Cloud, *outcomes: dict[str, Any], **options: Any) -> Iterator[None]:
    """End the one job that a command makes, once the command has looked at it."""

    def work() -> None:
        eventually(
            "the command has looked at its job",
            lambda: any(
                method == "GET" and "/os-sync/" in path for method, path in list(cloud.calls)
            ),
        )
        fixtures._end(*outcomes, **options)

    thread = threading.Thread(target=work)
    cloud.calls.clear()
    thread.start()
    yield
    thread.join()


def test_create_by_name_and_id(osc: Osc, cloud: Cloud) -> None:
    cloud.add_image("RegionTwo", "bbbbbbbb-0000-4000-8000-000000000007", "web")
    words = ("create", "web", IMAGE, "--target", "RegionThree", "--force", *JSON)
    made = osc(*words).json
    assert made["Status"] == "IN_PROGRESS"
    (one,) = stored(made["ID"])
    assert one["resources"] == ["bbbbbbbb-0000-4000-8000-000000000007", IMAGE]
    assert set(one["sources"]) == set(REGIONS)
    assert (one["targets"], one["force"], one["dry_run"]) == (["RegionThree"], True, False)


def test_create_with_all_options(osc: Osc) -> None:
    words = ["create", "--all", "--all-projects", "--source", "RegionOne", "--source", "*"]
    words += ["--target", "*", "--on-drift", "update", "--prune", "--dry-run"]
    words += ["--same-name", "skip", "--data", "import", "--members", "exact"]
    words += ["--on-orphan", "delete", "--orphan-limit", "40"]
    words += ["--community", "--owner", PROJECT.upper(), "--name", "a", "--name-prefix", "b"]
    words += ["--tag", "c", "--tag", "d", "--property", "e=f=g", "--property", "h="]
    words += ["--size-min", "1", "--size-max", "2", "--updated-since", "2026-11-01T00:00:00Z"]
    words += ["--status", "active", "--status", "queued"]
    (one,) = stored(osc(*words, *JSON, user="admin").json["ID"])
    assert one["resources"] == ["*"]
    assert one["preferred"] == ["RegionOne"]
    assert set(one["targets"]) == set(REGIONS)
    assert one["filters"] == {
        "visibility": "community",
        "owner": PROJECT,
        "name": "a",
        "name_prefix": "b",
        "tags": ["c", "d"],
        "properties": {"e": "f=g", "h": ""},
        "size_min": 1,
        "size_max": 2,
        "updated_since": "2026-11-01T00:00:00Z",
        "statuses": ["active", "queued"],
    }
    flags = ("all_projects", "dry_run", "on_drift", "prune", "same_name", "data", "force")
    assert [one[flag] for flag in flags] == [True, True, "update", True, "skip", "import", False]
    assert one["members"] == "exact"
    assert (one["on_orphan"], one["orphan_limit"]) == ("delete", 40)


def test_create_from_a_file(osc: Osc, tmp_path: Path) -> None:
    one = {
        "resource_type": "image",
        "resources": [IMAGE],
        "source": "RegionOne",
        "target": ["RegionTwo"],
    }
    file = tmp_path / "sets.json"
    file.write_text(json.dumps({"Sync": [one, {**one, "target": ["RegionThree"]}]}))
    made = osc("create", "--file", str(file), *JSON).json
    assert [each["targets"] for each in stored(made["ID"])] == [["RegionTwo"], ["RegionThree"]]
    file.write_text(json.dumps({"resource_set": one}))
    assert len(stored(osc("create", "--file", str(file), *JSON).json["ID"])) == 1
    for text in ("{", "[]"):
        file.write_text(text)
        refused = osc("create", "--file", str(file))
        assert (refused.code, str(file) in refused.err) == (1, True)
    for option in (
        *(["--target", "RegionTwo"], ["--members", "add"], ["--data", "none"]),
        *(["--on-orphan", "report"], ["--orphan-limit", "1"]),
    ):
        refused = osc("create", "--file", str(file), *option)
        assert (refused.code, "--file" in refused.err) == (1, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["create", IMAGE], "--target"),
        (["create", "--target", "*"], "--all"),
        (["create", IMAGE, "--all", "--target", "*"], "--all"),
        (["create", IMAGE, "--all-projects", "--target", "*"], "--all-projects"),
        (["create", IMAGE, "--size-min", "0", "--target", "*"], "filters"),
        (["create", "--size-min", "many"], "--size-min"),
        (["create", "nothing", "--target", "*"], "No image is named nothing"),
        (["create", IMAGE, "--target", "Nowhere"], "resource_set.target"),
        (["create", IMAGE, "--target", "*", "--prune"], "resource_set.prune"),
        (["list", "--limit", "0"], "--limit"),
        (["list", "--limit", "1", "--all"], "--all"),
        (["list", "--sort", "color"], "sort_key"),
        (["summary", "x"], "no UUID"),
        (["summary", IMAGE, "--timeout", "-1"], "--timeout"),
        (["engine", "list"], "HTTP 403"),
        (["delete"], "<job>"),
    ],
)
def test_wrong_use_is_named_and_exits_with_1(osc: Osc, words: list[str], message: str) -> None:
    done = osc(*words)
    assert done.code == 1
    assert message in done.err
    assert done.out == ""


def test_a_name_of_several_images_is_refused_with_their_ids(osc: Osc, cloud: Cloud) -> None:
    twins = [f"dddddddd-0000-4000-8000-00000000000{number}" for number in (1, 2)]
    cloud.add_image("RegionOne", twins[0], "twin")
    cloud.add_image("RegionTwo", twins[1], "twin", os_hidden=True)
    done = osc("create", "twin", "--target", "RegionThree")
    assert done.code == 1
    assert f"{twins[0]} in RegionOne" in done.err
    assert f"{twins[1]} in RegionTwo" in done.err
    words = ("--source", "RegionTwo", "--target", "RegionThree", *JSON)
    (one,) = stored(osc("create", "twin", *words).json["ID"])
    assert one["resources"] == [twins[1]]


def test_a_name_means_no_forced_copy(osc: Osc, cloud: Cloud) -> None:
    image, copy, other = (f"dddddddd-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))
    cloud.add_image("RegionOne", image, "web")
    cloud.add_image("RegionTwo", copy, "web", **{FORCED: "true", "kingbird_source_id": image})
    (one,) = stored(osc("create", "web", "--target", "RegionThree", *JSON).json["ID"])
    assert one["resources"] == [image]
    done = osc("create", "web", "--source", "RegionTwo", "--target", "RegionThree")
    assert (done.code, "Only forced copies are named web" in done.err) == (1, True)
    assert f"{copy} in RegionTwo, of project {PROJECT}, a forced copy" in done.err
    # All ids are named if there are several, and a copy can be given by its id.
    cloud.add_image("RegionThree", other, "web")
    done = osc("create", "web", "--target", "RegionTwo")
    assert (done.code, "2 images are named web" in done.err) == (1, True)
    assert all(image_id in done.err for image_id in (image, copy, other))
    words = (copy, "--source", "RegionTwo", "--target", "RegionThree")
    (one,) = stored(osc("create", *words, *JSON).json["ID"])
    assert one["resources"] == [copy]


def test_the_property_of_a_forced_copy() -> None:
    """The plugin imports nothing of the heart, so it has a name of its own for it."""
    assert FORCED == fields.FORCED


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


THEIRS = (
    ("--project", OTHER_PROJECT),
    ("--project", OTHER_NAME),
    ("--project", OTHER_NAME, "--project-domain", OTHER_DOMAIN),
)


@pytest.mark.parametrize("words", THEIRS, ids=" ".join)
def test_an_admin_sees_and_deletes_the_jobs_of_another_project(
    osc: Osc, cloud: Cloud, words: tuple[str, ...]
) -> None:
    fixtures.Jobs().start_fixture()
    cloud.calls.clear()
    (job,) = osc("list", *words, *JSON, user="admin").json
    assert job["ID"] == fixtures.THEIR_JOB
    assert osc("list", "--active", *words, *JSON, user="admin").json == []
    (item,) = osc("show", fixtures.THEIR_JOB, *words, *JSON, user="admin").json
    assert item["Image"] == IMAGE
    shown = osc("summary", fixtures.THEIR_JOB, "--wait", *words, *JSON, user="admin")
    assert shown.json["Status"] == "SUCCESS"
    assert osc("delete", fixtures.THEIR_JOB, *words, user="admin").code == 0
    assert osc("list", *words, *JSON, user="admin").json == []
    assert all(path.startswith(f"/v1.0/{OTHER_PROJECT}/os-sync") for _, path in cloud.calls)
    # Without it they are those of the token's project.
    assert len(osc("list", *JSON, user="admin").json) == 3


def test_an_admin_cancels_a_job_of_another_project(osc: Osc, cloud: Cloud) -> None:
    fixtures.Jobs().start_fixture()
    words = ("cancel", fixtures.RUNNING_JOB, "--project", PROJECT)
    assert osc(*words, *JSON, user="other-admin").json["Cancelled"] is True
    assert {path.split("/")[2] for _, path in cloud.calls} == {PROJECT}
    # Allowed, and refused only for the state of the job.
    assert "HTTP 409" in osc("cancel", fixtures.ENDED_JOB, *words[2:], user="other-admin").err


@pytest.mark.parametrize("command", ["list", "show", "summary", "cancel", "delete"])
def test_others_are_refused_another_project(osc: Osc, cloud: Cloud, command: str) -> None:
    fixtures.Jobs().start_fixture()
    job = () if command == "list" else (fixtures.THEIR_JOB,)
    done = osc(command, *job, "--project", OTHER_PROJECT)
    assert (done.code, "HTTP 403" in done.err, done.out) == (1, True, "")
    cloud.calls.clear()
    done = osc(command, *job, "--project", OTHER_NAME)
    assert (done.code, "give the ID" in done.err, cloud.calls) == (1, True, [])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["list", "--project-domain", OTHER_DOMAIN], "--project-domain"),
        (["list", "--project", "nobody's"], "nobody's"),
        # A job has the rights of its user in the token's project.
        (["retry", IMAGE, "--project", OTHER_PROJECT], "--project"),
        (["create", IMAGE, "--target", "*", "--project", OTHER_PROJECT], "--project"),
    ],
)
def test_wrong_uses_of_another_project(
    osc: Osc, cloud: Cloud, words: list[str], message: str
) -> None:
    done = osc(*words, user="admin")
    assert (done.code, message in done.err, cloud.calls) == (1, True, [])


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


def dry(resource: str, target: str, reason: str, **fields: Any) -> dict[str, Any]:
    """Return an item of a dry run from RegionOne."""
    given = {"status": "PLANNED", "action": "none", "message": f"About {reason}"}
    return {
        "resource": resource,
        "source_region": "RegionOne",
        "target_region": target,
        "reason": reason,
        **given,
        **fields,
    }


def test_diff(osc: Osc, cloud: Cloud) -> None:
    items = (
        dry(IMAGE, "RegionTwo", "missing"),
        dry(IMAGE, "RegionThree", "drift"),
        dry(IMAGE_2, "RegionThree", "owner_conflict"),
        dry(IN_TWO, "RegionOne", "missing", source_region="RegionTwo"),
    )
    with engine(cloud, *items):
        done = osc("diff", "--all", "--exit-code", "--keep", *JSON)
    assert done.code == 5
    assert [tuple(row.values())[2:] for row in done.json] == [
        # RegionOne, RegionThree, RegionTwo.  The images have no data, so they are no part of
        # the selection: where they have no item, nothing is known.
        ("+", "", "="),
        ("=", "~", "+"),
        ("=", "!", ""),
    ]
    # An image without a name comes first.
    assert [row["ID"] for row in done.json] == [IN_TWO, IMAGE, IMAGE_2]
    assert "is kept" in done.err
    (job,) = osc("list", *JSON).json
    assert stored(job["ID"])[0]["dry_run"] is True


@pytest.mark.parametrize("in_sync", [{}, {"RegionThree": 1}])
def test_a_region_that_nothing_was_compared_with(
    osc: Osc, cloud: Cloud, in_sync: dict[str, int]
) -> None:
    """The API may leave a region of the catalog out, as one with a URL that can't be used."""
    image = "dddddddd-0000-4000-8000-000000000001"
    cloud.add_image("RegionOne", image, "web", disk_format="raw", container_format="bare")
    cloud.world.glances["RegionOne"].upload(image, b"data")
    with engine(cloud, dry(image, "RegionTwo", "missing"), in_sync=in_sync):
        (row,) = osc("diff", "--all", *JSON).json
    assert (row["RegionOne"], row["RegionTwo"]) == ("=", "+")
    assert row["RegionThree"] == ("=" if in_sync else "")


def test_diff_prints_what_it_means_and_leaves_nothing(osc: Osc, cloud: Cloud) -> None:
    items = (
        dry(IMAGE, "RegionTwo", "owner_conflict"),
        dry("*", "RegionThree", "region_unavailable", status="FAILURE"),
    )
    with engine(cloud, *items):
        done = osc("diff", "--all")
    assert done.code == 2
    assert f"{IMAGE} in RegionTwo: owner_conflict: About owner_conflict" in done.out
    assert "RegionThree: region_unavailable: About region_unavailable" in done.out
    assert osc("list", *JSON).json == []


def test_diff_that_takes_too_long_is_cancelled(osc: Osc) -> None:
    done = osc("diff", "--all", "--timeout", "0")
    assert (done.code, done.out) == (4, "")
    (job,) = osc("list", *JSON).json
    assert job["ID"] in done.err
    assert osc("summary", job["ID"], *JSON).json["Cancelled"] is True


NAMES = ("OS::Test::Namespace", "OS::Test::Namespace")


def test_namespaces_are_given_by_name(osc: Osc) -> None:
    words = ["create", "--resource-type", "metadef", *NAMES, "--source", "RegionOne"]
    words += ["--target", "*", "--on-drift", "update", "--dry-run", *JSON]
    (one,) = stored(osc(*words, user="admin").json["ID"])
    assert (one["resource_type"], one["resources"]) == ("metadef", ["OS::Test::Namespace"])
    assert set(one["targets"]) == {*REGIONS} - {"RegionOne"}
    assert (one["on_drift"], one["dry_run"]) == ("update", True)


def test_all_namespaces(osc: Osc) -> None:
    words = ("create", "--resource-type", "metadef", "--all", "--target", "*", *JSON)
    (one,) = stored(osc(*words, user="admin").json["ID"])
    assert (one["resource_type"], one["resources"]) == ("metadef", ["*"])
    assert set(one["sources"]) == {*REGIONS}


def test_a_rule_about_namespaces(osc: Osc) -> None:
    words = ("rule", "create", "definitions", "--resource-type", "metadef", "--all", *JSON)
    rule = osc(*words, user="admin").json
    assert "metadef" in rule.values()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--all", *NAMES), "Give either names or --all"),
        ((), "Give either names or --all"),
        ((*NAMES, "--force"), "--force can't be given with --resource-type metadef"),
        (("--all", "--tag", "a"), "--tag can't be given with --resource-type metadef"),
        (("--all", "--all-projects"), "--all-projects can't be given"),
        (("--all", "--data", "import"), "--data can't be given"),
    ],
)
def test_options_without_a_meaning_for_namespaces(
    osc: Osc, words: tuple[str, ...], message: str
) -> None:
    found = osc("create", "--resource-type", "metadef", "--target", "*", *words, user="admin")
    assert found.code != 0
    assert message in found.err
