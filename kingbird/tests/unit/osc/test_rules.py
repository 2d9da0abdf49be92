"""The commands of rules, from their words to the database of the real API."""

import shlex
from typing import Any

import pytest

from kingbird.db import api as db
from kingbird.tests.api.world import IMAGE, IMAGE_2, PROJECT
from kingbird.tests.guide.pages import Command, commands
from kingbird.tests.guide.shapes import shape
from kingbird.tests.unit.osc.cloud import Cloud
from kingbird.tests.unit.osc.jobs import JSON, Osc

CREATE = ("rule", "create", "golden", "--all", "--source", "RegionOne", "--target", "*")


def stored(name: str = "golden") -> Any:
    """Return the rule of a name as it is in the database."""
    (found,) = (rule for rule in db.rules.list_for_project(PROJECT) if rule.name == name)
    return found


def test_create_with_all_options(osc: Osc) -> None:
    words = ("--tag", "golden", "--on-drift", "update", "--prune", "--force")
    more = ("--interval", "30m", "--description", "Golden images", "--disable")
    made = osc(*CREATE, *words, *more, *JSON).json
    assert (made["name"], made["state"], made["interval"]) == ("golden", "DISABLED", 1800)
    assert (made["source"], made["target"]) == (["RegionOne"], ["*"])
    assert made["filters"] == {"tag": ["golden"]}
    rule = stored()
    assert (rule.id, rule.description) == (made["id"], "Golden images")
    flags = ("on_drift", "prune", "force")
    assert [rule.sync_set[flag] for flag in flags] == ["update", True, True]


def test_create_of_images_by_name(osc: Osc, cloud: Cloud) -> None:
    cloud.add_image("RegionTwo", "bbbbbbbb-0000-4000-8000-000000000007", "web")
    osc("rule", "create", "some", "web", IMAGE, "--source", "RegionTwo")
    wanted = ["bbbbbbbb-0000-4000-8000-000000000007", IMAGE]
    assert stored("some").sync_set["resources"] == wanted


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("2m", 120), ("1h", 3600), ("1d", 86400)]
)
def test_durations(osc: Osc, text: str, seconds: int) -> None:
    assert osc(*CREATE, "--interval", text, *JSON).json["interval"] == seconds


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((*CREATE, "--interval", "often"), "often is no duration"),
        ((*CREATE, "--interval", "1"), "rule.interval is 1"),
        (("rule", "show", "nothing"), "no rule nothing"),
        (("rule", "set", "golden"), "Give an option to change"),
        (("rule", "unset", "golden"), "Give an option to take away"),
        (("rule", "set", "golden", "--image", IMAGE, "--all"), "--image or --all"),
        (CREATE, "golden"),
    ],
)
def test_wrong_words(osc: Osc, words: tuple[str, ...], told: str) -> None:
    osc(*CREATE)
    refused = osc(*words)
    assert (refused.code, told in refused.err) == (1, True), refused.err


def test_list_and_show(osc: Osc) -> None:
    made = osc(*CREATE, *JSON).json
    osc("rule", "create", "off", "--all", "--disable")
    listed = osc("rule", "list", *JSON, user="reader").json
    assert [(rule["Name"], rule["State"]) for rule in listed] == [
        ("off", "DISABLED"),
        ("golden", "OK"),
    ]
    (only,) = osc("rule", "list", "--long", "--state", "ok", *JSON).json
    assert (only["Name"], only["Target"], only["Last Job"]) == ("golden", ["*"], made["last_job"])
    for word in ("golden", made["id"]):
        assert osc("rule", "show", word, *JSON).json == made
    (job,) = osc("list", "--rule", "golden", *JSON).json
    assert job["ID"] == made["last_job"]


def test_the_rules_of_every_project(osc: Osc) -> None:
    osc(*CREATE)
    (found,) = osc("rule", "list", "--all-projects", *JSON, user="admin").json
    assert (found["Name"], found["Project"]) == ("golden", PROJECT)
    assert "kingbird:sync_jobs:other_projects" in osc("rule", "list", "--all-projects").err
    ran = osc("rule", "list", "--all-projects", "--project", PROJECT, user="admin")
    assert "Give either --project or --all-projects" in ran.err


def test_set_and_unset(osc: Osc) -> None:
    osc(*CREATE, "--tag", "golden", "--name-prefix", "Ubuntu")
    words = ("--rule-name", "gold", "--source", "RegionTwo", "--interval", "2h", "--tag", "new")
    assert osc("rule", "set", "golden", *words, "--on-drift", "update", "--prune").code == 0
    rule = stored("gold")
    assert (rule.sync_set["sources"], rule.interval) == (["RegionTwo"], 7200)
    assert rule.sync_set["filters"] == {"tags": ["new"], "name_prefix": "Ubuntu"}
    assert rule.sync_set["prune"]
    assert osc("rule", "set", "gold", "--data", "import", "--same-name", "skip").code == 0
    assert osc("rule", "set", "gold", "--members", "exact").code == 0
    sync_set = stored("gold").sync_set
    assert (sync_set["data"], sync_set["same_name"]) == ("import", "skip")
    assert sync_set["members"] == "exact"
    assert osc("rule", "unset", "gold", "--filter", "tag", "--on-drift").code == 0
    rule = stored("gold")
    assert rule.sync_set["filters"] == {"name_prefix": "Ubuntu"}
    assert (rule.sync_set["on_drift"], rule.sync_set["prune"]) == ("report", False)
    # A rule of some images has no filters.
    assert osc("rule", "unset", "gold", "--filter", "name_prefix").code == 0
    assert osc("rule", "set", "gold", "--image", IMAGE_2).code == 0
    assert stored("gold").sync_set["resources"] == [IMAGE_2]
    assert osc("rule", "set", "gold", "--all").code == 0
    assert stored("gold").sync_set["resources"] == ["*"]


def test_enable_run_and_delete(osc: Osc, cloud: Cloud) -> None:
    osc(*CREATE, "--disable")
    job = osc("rule", "run", "golden", "--dry-run", *JSON).json
    assert (job["Status"], job["Dry Run"]) == ("IN_PROGRESS", True)
    assert osc("rule", "enable", "golden").code == 0
    assert stored().enabled
    assert osc("rule", "run", "golden").code == 1, "a full run is in progress"
    assert osc("rule", "disable", "golden").code == 0
    assert not stored().enabled
    assert osc("rule", "delete", "golden").code == 0
    assert db.rules.list_for_project(PROJECT) == []
    assert len(cloud.world.engines.cancelled) == 2


@pytest.mark.parametrize(
    ("words", "events"), [((), True), (("--events",), True), (("--no-events",), False)]
)
def test_a_rule_runs_by_events_unless_told_not_to(
    osc: Osc, words: tuple[str, ...], events: bool
) -> None:
    assert osc(*CREATE, *words, *JSON).json["events"] is events
    assert stored().events is events


def test_events_are_switched_off_and_on(osc: Osc) -> None:
    osc(*CREATE)
    for word, events in (("--no-events", False), ("--events", True)):
        assert osc("rule", "set", "golden", word).code == 0
        assert stored().events is events
    osc("rule", "set", "golden", "--no-events")
    assert osc("rule", "set", "golden", "--interval", "2h").code == 0
    assert not stored().events, "what is not named stays"


def end_first_run() -> None:
    """End the run with which a rule begins."""
    job = db.jobs.get(PROJECT, stored().full_job_id)
    assert job is not None
    db.job_ends.end_job(job)


def test_run_for_some_images(osc: Osc, cloud: Cloud) -> None:
    web = "bbbbbbbb-0000-4000-8000-000000000007"
    cloud.add_image("RegionOne", web, "web")
    osc(*CREATE)
    end_first_run()
    made = osc("rule", "run", "golden", "--image", "web", "--image", IMAGE, *JSON).json
    assert (made["Status"], made["Dry Run"]) == ("IN_PROGRESS", False)
    job = db.jobs.get(PROJECT, made["ID"])
    assert job is not None
    assert (job.rule_id, job.trigger) == (stored().id, "request")
    assert job.request[0]["resources"] == [web, IMAGE]
    refused = osc("rule", "run", "golden", "--image", "no such image")
    assert (refused.code, "no such image" in refused.err) == (1, True)


def test_orphans_of_a_rule(osc: Osc) -> None:
    refused = osc(*CREATE, "--on-orphan", "hide")
    assert (refused.code, "kingbird:sync_rules:orphans" in refused.err) == (1, True)
    osc(*CREATE, "--on-orphan", "hide", user="admin")
    assert stored().sync_set["on_orphan"] == "hide"
    assert osc("rule", "set", "golden", "--on-orphan", "delete", user="admin").code == 0
    assert stored().sync_set["on_orphan"] == "delete"
    end_first_run()
    refused = osc("rule", "run", "golden", "--orphan-limit", "40")
    assert (refused.code, "kingbird:sync_rules:orphans" in refused.err) == (1, True)
    made = osc("rule", "run", "golden", "--orphan-limit", "40", *JSON, user="admin").json
    job = db.jobs.get(PROJECT, made["ID"])
    assert job is not None
    assert (job.request[0]["orphan_limit"], job.request[0]["dry_run"]) == (40, False)
    assert stored().full_job_id == job.id


def test_what_waits_is_shown(osc: Osc) -> None:
    osc(*CREATE)
    osc("rule", "create", "idle", "--all", "--disable")
    db.marks.add([(stored().pk, IMAGE), (stored().pk, IMAGE_2)], settle=1)
    heard = {"connected": True, "heard": 1_795_736_122_722, "since": 1}
    db.listeners.beat("l1", host="h", pid=1, version="1.0", regions={"RegionOne": heard})
    waiting = {rule["Name"]: rule["Waiting"] for rule in osc("rule", "list", *JSON).json}
    assert waiting == {"golden": 2, "idle": 0}
    shown = osc("rule", "show", "golden", *JSON).json
    assert (shown["waiting"], shown["lag"] >= 0) == (2, True)
    assert shown["hears"] == {"RegionOne": "2026-11-26T23:35:22.722000"}


def rules_of(page: str) -> list[Command]:
    return [each for each in commands(page) if " image sync rule " in f" {each.words} "]


@pytest.mark.parametrize("page", ["rules", "openstackclient"])
def test_the_commands_of_the_guide(osc: Osc, cloud: Cloud, page: str) -> None:
    """They run in the order of the page."""
    # In the source of the rule of each page.
    cloud.add_image("RegionTwo", "bbbbbbbb-0000-4000-8000-000000000007", "web-server")
    cloud.add_image("RegionOne", "4235414a-8aaa-462c-a3e2-2305bfe34c98", "other")
    found = [
        each for each in rules_of(f"doc/source/user/{page}.rst") if "--project" not in each.words
    ]
    assert len(found) > 8
    for command in found:
        words = [word for word in shlex.split(command.words)[3:] if word != "--wait"]
        for rule in db.rules.list_for_project(PROJECT, with_all_projects=True):
            job = rule.full_job_id and db.jobs.get(
                PROJECT, rule.full_job_id, with_all_projects=True
            )
            if job:
                db.job_ends.end_job(job)
        ran = osc(*words, user="admin")
        assert ran.code == 0, (command.words, ran.err)
        if expected := shape(command.output):
            assert shape(ran.out) == expected
