"""A job is set going again whole, with the rights of who asked, or stays as it was."""

from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa

from kingbird import exception
from kingbird.api import app
from kingbird.api.jobs.retry import NOT_DELIVERED
from kingbird.db import api as db
from kingbird.tests.api import world as w
from kingbird.tests.unit.api.conftest import JOBS, Call, caller, request_body

CLOSE = db.job_ends.end_job
AWAY = exception.Unavailable("The database can't be used at the moment", retry_after=5)


@pytest.fixture
def failed(world: w.World, call: Call) -> db.Job:
    """Give a job of which everything failed, made by an admin."""
    made = call(JOBS, "POST", token="admin", body=request_body())
    job = stored(made.json["job_status"]["id"])
    db.job_ends.end_job(job, "region_unavailable", "Away")
    with db.get_engine().begin() as connection:
        connection.execute(
            sa.update(db.Job).where(db.Job.pk == job.pk).values(user_id="admin", trust_id=None)
        )
    world.keystone.trusts.clear()
    world.journal.clear()
    world.engines.ready.clear()
    return stored(job.id)


def stored(job_id: str) -> Any:
    job = db.jobs.get(w.PROJECT, job_id, with_all_projects=True)
    assert job is not None
    return job


def retry(call: Call, job: db.Job, **options: Any) -> Any:
    return call(f"{JOBS}/{job.id}/retry", "POST", **options)


def test_it_runs_with_the_rights_of_who_asked(world: w.World, call: Call, failed: db.Job) -> None:
    assert failed.is_admin
    response = retry(call, failed)
    assert response.status_int == 202
    assert world.journal == ["create_trust", "job_ready"]
    assert world.engines.ready == [failed.id]
    job = stored(failed.id)
    assert (job.status, job.runs) == ("IN_PROGRESS", 2)
    assert (job.user_id, job.is_admin) == ("0123456789abcdef0123456789abcdef", False)
    assert (job.credentials, job.trust_id) == ("trust", "trust0~2")
    assert job.request_id == response.headers["X-Openstack-Request-Id"]


def test_an_admin_is_one_as_far_as_the_trust_is(
    world: w.World, call: Call, failed: db.Job
) -> None:
    world.keystone.trust_roles = ["member"]
    assert retry(call, failed, token="admin").status_int == 202
    assert stored(failed.id).is_admin is False


def test_a_token_without_trust_goes_by_message(world: w.World, call: Call, failed: db.Job) -> None:
    assert retry(call, failed, token="application").status_int == 202
    assert world.journal == ["create_trust", "job_with_token"]
    assert world.engines.with_token == {
        failed.id: ("application", {name: f"http://{name.lower()}.test" for name in w.REGIONS})
    }
    job = stored(failed.id)
    assert (job.status, job.credentials, job.trust_id) == ("IN_PROGRESS", "token", None)


@pytest.mark.parametrize("database_too", [False, True])
def test_a_token_that_no_engine_gets(
    world: w.World, call: Call, failed: db.Job, database_too: bool
) -> None:
    world.engines.broken = True
    with mock.patch.object(
        db.job_ends, "end_job", **({"side_effect": AWAY} if database_too else {"wraps": CLOSE})
    ):
        response = retry(call, failed, token="application")
    assert response.status_int == 503
    assert response.headers["Retry-After"] == "10"
    job = stored(failed.id)
    if database_too:
        assert job.status == "IN_PROGRESS", "engines will end it"
        return
    assert job.status == "FAILURE"
    (item,) = db.jobs.list_items(job)
    assert (item.reason, item.message) == ("credentials_lost", NOT_DELIVERED)
    world.engines.broken = False
    assert retry(call, failed, token="application").status_int == 202


def test_a_token_that_no_engine_gets_ends_no_other_run(
    world: w.World, call: Call, failed: db.Job
) -> None:
    """Engines have given this one up meanwhile, and somebody has begun the next one."""

    def late(*args: Any) -> None:
        db.job_ends.end_job(stored(failed.id), "credentials_lost", "")
        next_one: dict[str, Any] = {"user_id": "u", "is_admin": False, "request_id": "req-next"}
        assert db.job_actions.retry(stored(failed.id), trust_id="next", **next_one)
        raise exception.Unavailable("No engine")

    with mock.patch.object(world.engines, "job_with_token", late):
        assert retry(call, failed, token="application").status_int == 503
    job = stored(failed.id)
    assert (job.status, job.runs, job.trust_id) == ("IN_PROGRESS", 3, "next")


@pytest.mark.parametrize("token", ["member", "application"])
def test_no_trust_stays_where_nothing_is_to_be_tried_again(
    world: w.World, call: Call, failed: db.Job, token: str
) -> None:
    """As when another user has set it going a moment ago."""
    with mock.patch.object(db.job_actions, "retry", return_value=0):
        response = retry(call, failed, token=token)
    assert response.status_int == 409
    assert world.keystone.trusts == set()
    assert not {"job_ready", "job_with_token"} & set(world.journal)


def test_of_a_job_that_runs_nothing_is_made(world: w.World, call: Call, failed: db.Job) -> None:
    assert retry(call, failed).status_int == 202
    world.journal.clear()
    assert retry(call, failed).status_int == 409
    assert world.journal == []


def test_without_keystone(world: w.World, call: Call, failed: db.Job) -> None:
    error = exception.KeystoneUnavailable("away", retry_after=7)
    world.keystone.errors["create_trust"] = error
    response = retry(call, failed)
    assert response.status_int == 503
    assert response.headers["Retry-After"] == "7"
    assert stored(failed.id).status == "FAILURE"


def test_with_a_token_that_ended_meanwhile(world: w.World, call: Call, failed: db.Job) -> None:
    world.keystone.errors["create_trust"] = exception.Unauthorized("The token is no longer valid")
    assert retry(call, failed).status_int == 401
    assert stored(failed.id).status == "FAILURE"


def test_without_the_database(world: w.World, call: Call, failed: db.Job) -> None:
    with mock.patch.object(db.job_actions, "retry", side_effect=AWAY):
        assert retry(call, failed).status_int == 503
    assert world.keystone.trusts == set()


def test_a_trust_that_the_job_names_stays(world: w.World, call: Call, failed: db.Job) -> None:
    """The commit was done, but its answer was lost for good."""
    again = db.job_actions.retry

    def lost(*args: Any, **kwargs: Any) -> int:
        again(*args, **kwargs)
        raise AWAY

    with mock.patch.object(db.job_actions, "retry", lost):
        assert retry(call, failed).status_int == 503
    assert world.keystone.trusts == {"trust0~2"} == {stored(failed.id).trust_id}


def test_a_trust_that_the_job_may_name_stays(world: w.World, call: Call, failed: db.Job) -> None:
    get = db.jobs.get
    with (
        mock.patch.object(db.job_actions, "retry", side_effect=AWAY),
        mock.patch.object(db.jobs, "get", side_effect=[get(w.PROJECT, failed.id), AWAY]),
    ):
        assert retry(call, failed).status_int == 503
    assert world.keystone.trusts == {"trust0~2"}


def test_who_may_not_sync_everybodys_images_may_not_retry_that(
    world: w.World, failed: db.Job, tmp_path: Path
) -> None:
    """Though the job may be seen."""
    with db.get_engine().begin() as connection:
        connection.execute(sa.update(db.Job).values(all_projects=True))
    path = tmp_path / "policy.yaml"
    path.write_text('"kingbird:sync_jobs:all_projects": "role:member"\n')
    world.conf.set_override("policy_file", str(path), group="oslo_policy")
    call = caller(
        app.build(
            world.conf,
            keystone=world.keystone,  # type: ignore[arg-type]
            regions=world.regions,  # type: ignore[arg-type]
            engines=world.engines,
        )
    )
    assert call(f"{JOBS}/{failed.id}").status_int == 200
    response = retry(call, failed)
    assert response.status_int == 403
    assert "create:all_projects" in response.json["error"]["message"]
    assert world.journal == []


def test_all_engines_hear_of_a_cancelled_job(world: w.World, call: Call) -> None:
    job_id = call(JOBS, "POST", body=request_body()).json["job_status"]["id"]
    assert call(f"{JOBS}/{job_id}/cancel", "POST").status_int == 202
    assert world.engines.cancelled == [job_id]
    assert stored(job_id).cancelled


def test_a_deletion_whose_answer_was_lost(world: w.World, call: Call, failed: db.Job) -> None:
    """It is run again, and finds nothing."""
    delete = db.jobs.delete

    def twice(*args: Any, **kwargs: Any) -> bool:
        delete(*args, **kwargs)
        return delete(*args, **kwargs)

    with mock.patch.object(db.jobs, "delete", twice):
        assert call(f"{JOBS}/{failed.id}", "DELETE").status_int == 200
    assert call(f"{JOBS}/{failed.id}", "DELETE").status_int == 404


def test_a_job_that_is_set_going_meanwhile_is_not_deleted(
    world: w.World, call: Call, failed: db.Job
) -> None:
    with mock.patch.object(db.jobs, "delete", return_value=False):
        assert call(f"{JOBS}/{failed.id}", "DELETE").status_int == 406
