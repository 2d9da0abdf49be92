"""The commands about jobs of another project, from their words to the real API."""

import pytest

from kingbird.tests.api import fixtures
from kingbird.tests.api.world import IMAGE, OTHER_PROJECT, PROJECT
from kingbird.tests.unit.osc.cloud import OTHER_DOMAIN, OTHER_NAME, Cloud
from kingbird.tests.unit.osc.jobs import JSON, Osc

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
