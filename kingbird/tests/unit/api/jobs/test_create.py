"""A job is accepted whole, or nothing of it is left."""

from typing import Any
from unittest import mock

import pytest

from kingbird import exception
from kingbird.clients.keystone import Trust
from kingbird.db import api as db
from kingbird.tests.api import world as w
from kingbird.tests.unit.api.conftest import JOBS, Call, request_body


@pytest.fixture
def journal(world: w.World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the calls to Keystone, engines and database, in their order."""
    for name in ("create", "accept", "discard"):
        real = getattr(db.jobs, name)

        def noted(*args: Any, name: str = name, real: Any = real, **kwargs: Any) -> Any:
            world.journal.append(name)
            return real(*args, **kwargs)

        monkeypatch.setattr(db.jobs, name, noted)
    return world.journal


def rows() -> list[Any]:
    """Return all jobs of the project, also those that are not accepted."""
    import sqlalchemy as sa

    with db.get_engine().connect() as connection:
        return list(connection.execute(sa.select(db.Job.__table__)))


def post(call: Call, **options: Any) -> Any:
    return call(JOBS, "POST", body=request_body(), **options)


def test_row_then_trust_then_claimable_then_message(
    world: w.World, call: Call, journal: list[str]
) -> None:
    response = post(call)
    assert response.status_int == 200
    assert journal == ["create", "create_trust", "accept", "job_ready"]
    (row,) = rows()
    assert row.id == response.json["job_status"]["id"] == world.engines.ready[0]
    assert (row.status, row.credentials, row.trust_id) == ("IN_PROGRESS", "trust", "trust0")
    assert row.project_id == w.PROJECT
    assert row.user_id == "0123456789abcdef0123456789abcdef"
    assert row.request_id == response.headers["X-Openstack-Request-Id"]
    assert row.is_admin is False
    assert row.request == [
        {
            "resource_type": "image",
            "resources": [w.IMAGE],
            "sources": ["RegionOne"],
            "preferred": ["RegionOne"],
            "targets": ["RegionTwo"],
            "force": False,
            "all_projects": False,
            "dry_run": False,
            "on_drift": "report",
            "prune": False,
            "same_name": "report",
            "data": "none",
            "members": "create",
            "on_orphan": "report",
            "orphan_limit": 0,
            "filters": {},
        }
    ]
    assert row.all_projects is False


def test_an_admins_job_is_an_admins(call: Call) -> None:
    assert post(call, token="admin").status_int == 200
    assert rows()[0].is_admin is True


def test_the_regions_of_a_job_are_those_of_its_day(world: w.World, call: Call) -> None:
    """And no region is asked for images that nobody named."""
    body = request_body(
        resources=["*"], source=["RegionTwo", "*"], target=["*"], all_projects="True"
    )
    assert call(JOBS, "POST", token="admin", body=body).status_int == 200
    (row,) = rows()
    assert row.all_projects is True
    (stored,) = row.request
    assert stored["resources"] == ["*"]
    assert stored["sources"] == ["RegionTwo", "RegionOne", "RegionThree"]
    assert stored["preferred"] == ["RegionTwo"]
    assert stored["targets"] == ["RegionOne", "RegionThree", "RegionTwo"]
    assert [glance.calls for glance in world.glances.values()] == [[], [], []]


def test_a_commit_whose_answer_was_lost_of_a_job_about_all_projects(call: Call) -> None:
    accept = db.jobs.accept

    def twice(*args: Any, **kwargs: Any) -> bool:
        accept(*args, **kwargs)
        return accept(*args, **kwargs)

    body = request_body(resources=["*"], all_projects=True)
    with mock.patch.object(db.jobs, "accept", twice):
        assert call(JOBS, "POST", token="admin", body=body).status_int == 200


def test_the_callers_request_id_goes_along(world: w.World, call: Call) -> None:
    sent = "req-11111111-2222-3333-4444-555555555555"
    post(call, headers={"X-Openstack-Request-Id": sent})
    assert world.regions.request_ids == [sent]


def test_a_token_without_trust_goes_by_message(
    world: w.World, call: Call, journal: list[str]
) -> None:
    response = post(call, token="application")
    assert response.status_int == 200
    assert journal == ["create", "create_trust", "accept", "job_with_token"]
    (row,) = rows()
    assert (row.status, row.credentials, row.trust_id) == ("IN_PROGRESS", "token", None)
    assert world.engines.with_token == {
        row.id: ("application", {name: f"http://{name.lower()}.test" for name in w.REGIONS})
    }
    assert "application" not in str(row)


def test_a_token_that_no_engine_gets(world: w.World, call: Call, journal: list[str]) -> None:
    world.engines.broken = True
    response = post(call, token="application")
    assert response.status_int == 503
    assert response.headers["Retry-After"] == "10"
    assert journal == ["create", "create_trust", "accept", "job_with_token", "discard"]
    assert rows() == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (exception.KeystoneUnavailable("away", retry_after=7), 503),
        (exception.Unauthorized("The token is no longer valid"), 401),
        (exception.ConfigurationError("no user"), 500),
        (RuntimeError("oh"), 500),
    ],
)
def test_no_trust_no_job(
    world: w.World, call: Call, journal: list[str], error: Exception, status: int
) -> None:
    world.keystone.errors["create_trust"] = error
    assert post(call).status_int == status
    assert journal == ["create", "create_trust", "discard"]
    assert rows() == []
    assert world.keystone.trusts == set()


def test_a_database_that_goes_away_before_the_row(world: w.World, call: Call) -> None:
    away = exception.Unavailable("The database can't be used at the moment", retry_after=5)
    with mock.patch.object(db.jobs, "create", side_effect=away):
        assert post(call).status_int == 503
    assert world.journal == []


def test_a_database_that_goes_away_after_the_trust(
    world: w.World, call: Call, journal: list[str]
) -> None:
    away = exception.Unavailable("The database can't be used at the moment", retry_after=5)
    with mock.patch.object(db.jobs, "accept", side_effect=away):
        assert post(call).status_int == 503
    assert journal == ["create", "create_trust", "discard", "delete_trust"]
    assert rows() == []
    assert world.keystone.trusts == set()


@pytest.mark.parametrize("token", ["member", "application"])
def test_a_job_that_runs_already_is_accepted(world: w.World, call: Call, token: str) -> None:
    """The commit, or the message, has arrived, but not its answer."""
    away = exception.Unavailable("The database can't be used at the moment", retry_after=5)

    def begun(real: Any) -> Any:
        def done(*args: Any, **kwargs: Any) -> None:
            real(*args, **kwargs)
            held = {row.id: row.request_id for row in rows()}
            assert db.leases.claim_job("engine", 30, token_jobs=held)
            raise away

        return done

    with (
        mock.patch.object(db.jobs, "accept", begun(db.jobs.accept))
        if token == "member"
        else mock.patch.object(
            world.engines, "job_with_token", begun(world.engines.job_with_token)
        )
    ):
        response = post(call, token=token)
    assert response.status_int == 200
    assert rows()[0].id == response.json["job_status"]["id"]
    assert "delete_trust" not in world.journal


def test_a_trust_that_a_job_may_name_stays(world: w.World, call: Call) -> None:
    away = exception.Unavailable("The database can't be used at the moment", retry_after=5)
    with (
        mock.patch.object(db.jobs, "accept", side_effect=away),
        mock.patch.object(db.jobs, "discard", side_effect=away),
    ):
        assert post(call).status_int == 503
    assert world.keystone.trusts == {"trust0"}


@pytest.mark.parametrize(("roles", "is_admin"), [(["admin"], True), (["member"], False)])
def test_a_job_is_an_admins_if_its_trust_is(
    world: w.World, call: Call, roles: list[str], is_admin: bool
) -> None:
    """An admin's trust passes on the role member alone where so configured."""
    world.keystone.trust_roles = roles
    assert post(call, token="admin").status_int == 200
    assert rows()[0].is_admin is is_admin


def test_a_job_with_an_admins_token_is_an_admins(world: w.World, call: Call) -> None:
    world.keystone.trust_roles = ["member"]
    world.add_token(
        "admins-application", w.PROJECT, "admin", "member", methods=["application_credential"]
    )
    assert post(call, token="admins-application").status_int == 200
    assert (rows()[0].credentials, rows()[0].is_admin) == ("token", True)


def test_jobs_that_come_at_the_same_time_count(world: w.World, call: Call) -> None:
    """Each has looked before the others were stored."""
    world.conf.set_override("max_jobs_per_project", 1, group="sync")
    create = db.jobs.create

    def beside(**columns: Any) -> Any:
        create(**{**columns, "job_id": "dddddddd-0000-4000-8000-000000000001"})
        return create(**columns)

    with mock.patch.object(db.jobs, "create", beside):
        response = post(call)
    assert response.status_int == 429
    assert response.headers["Retry-After"] == "30"
    assert [row.id for row in rows()] == ["dddddddd-0000-4000-8000-000000000001"]
    assert world.journal == []


def test_limits_change_at_run_time_and_0_is_none(world: w.World, call: Call) -> None:
    for most, status in ((1, 200), (1, 429), (0, 200), (2, 429), (3, 200)):
        world.conf.set_override("max_jobs_per_project", most, group="sync")
        assert post(call).status_int == status
    for most, status in ((1, 400), (0, 200), (2, 200)):
        world.conf.set_override("max_jobs_per_project", 0, group="sync")
        world.conf.set_override("max_items_per_job", most, group="sync")
        body = request_body(target=["RegionTwo", "RegionThree"])
        assert call(JOBS, "POST", body=body).status_int == status


def test_all_fails_at_once(world: w.World, call: Call) -> None:
    """The first failure is what the caller hears of; the rest is the reaper's."""
    away = exception.Unavailable("The database can't be used at the moment", retry_after=5)
    world.keystone.errors["delete_trust"] = exception.KeystoneUnavailable("away", retry_after=99)
    with (
        mock.patch.object(db.jobs, "accept", side_effect=away),
        mock.patch.object(db.jobs, "discard", side_effect=away),
    ):
        response = post(call)
    assert response.status_int == 503
    assert response.headers["Retry-After"] == "5"
    assert call(JOBS).json == {"job_set": [], "links": []}


def test_a_row_that_is_gone_meanwhile(world: w.World, call: Call, journal: list[str]) -> None:
    """The reaper deletes what was not accepted for long."""
    create_trust = world.keystone.create_trust

    def slow(context: Any, **options: Any) -> Trust:
        db.maintenance.discard_unaccepted(-1)
        return create_trust(context, **options)

    world.keystone.create_trust = slow  # type: ignore[method-assign]
    assert post(call).status_int == 503
    assert world.keystone.trusts == set()
    assert "job_ready" not in journal


@pytest.mark.parametrize(
    ("sets", "lifetime"),
    [([{}], 1000), ([{"data": "none"}], 1000), ([{}, {"data": "import"}], 5000)],
)
def test_the_trust_of_a_job_with_data_lasts_longer(
    world: w.World, call: Call, sets: list[dict[str, str]], lifetime: int
) -> None:
    world.conf.set_override("trust_lifetime", 1000, group="sync")
    world.conf.set_override("data_trust_lifetime", 5000, group="sync")
    create_trust, lifetimes = world.keystone.create_trust, []

    def noted(context: Any, *, lifetime: int | None = None) -> Trust:
        lifetimes.append(lifetime)
        return create_trust(context)

    world.keystone.create_trust = noted  # type: ignore[method-assign]
    bodies = [request_body(**one)["resource_set"] for one in sets]
    body = {"resource_set": {"Sync": bodies}}
    assert call(JOBS, "POST", body=body).status_int == 200
    assert lifetimes == [lifetime]


def test_a_commit_whose_answer_was_lost(world: w.World, call: Call) -> None:
    """The second try changes nothing, as the first one has."""
    accept = db.jobs.accept

    def twice(*args: Any, **kwargs: Any) -> bool:
        accept(*args, **kwargs)
        return accept(*args, **kwargs)

    with mock.patch.object(db.jobs, "accept", twice):
        assert post(call).status_int == 200
    assert world.keystone.trusts == {"trust0"}
    assert rows()[0].status == "IN_PROGRESS"


@pytest.mark.parametrize(
    "body",
    [
        request_body(resources=[w.PRIVATE]),
        request_body(target=["Nowhere"]),
        request_body(target=["RegionOne"]),
        {},
    ],
)
def test_what_is_refused_costs_nothing(world: w.World, call: Call, body: Any) -> None:
    assert call(JOBS, "POST", body=body).status_int in (400, 404)
    assert world.journal == []
    assert rows() == []


def test_who_is_refused_costs_nothing(world: w.World, call: Call) -> None:
    for token in (None, "reader", "service", "other-admin"):
        assert call(JOBS, "POST", token=token, body=request_body()).status_int in (401, 403)
    assert world.regions.request_ids == []
    assert rows() == []
