"""A project sees only its own jobs."""

from collections.abc import Callable

import requests

from kingbird.tests.functional.kingbird_api import KingbirdAPI, sync
from kingbird.tests.functional.people import Person

API = Callable[[Person], KingbirdAPI]


def test_each_project_sees_its_own_jobs(demo: Person, other: Person, api: API) -> None:
    ours = api(demo).run(sync(demo.make("RegionOne")["id"])).id
    theirs = api(other).run(sync(other.make("RegionOne")["id"])).id
    assert {job["id"] for job in api(demo).jobs()} & {ours, theirs} == {ours}
    assert {job["id"] for job in api(other).jobs()} & {ours, theirs} == {theirs}
    for method in ("GET", "DELETE"):
        assert api(demo).call(method, f"/{theirs}").status_code == 404
    assert api(other).items(theirs)


def test_the_path_of_another_project(demo: Person, other: Person, admin: Person, api: API) -> None:
    theirs = api(other).run(sync(other.make("RegionOne")["id"])).id
    looks = (("GET", ""), ("GET", "/active"), ("GET", f"/{theirs}"))
    for method, path in (*looks, ("DELETE", f"/{theirs}"), ("POST", f"/{theirs}/cancel")):
        answer = api(demo).call(method, path, project=other.project_id)
        assert answer.status_code == 403, (method, path)
    # Nobody may use the caller's rights in another project.
    for who in (demo, admin):
        image = who.make("RegionOne")["id"]
        assert api(who).post(sync(image), project=other.project_id).status_code == 403
        answer = api(who).call("POST", f"/{theirs}/retry", project=other.project_id)
        assert answer.status_code == 403
    assert api(other).items(theirs)


def test_an_admin_looks_after_other_projects_jobs(other: Person, admin: Person, api: API) -> None:
    theirs = api(other).run(sync(other.make("RegionOne")["id"])).id

    def call(method: str, path: str) -> requests.Response:
        return api(admin).call(method, path, project=other.project_id)

    assert theirs in [job["id"] for job in call("GET", "").json()["job_set"]]
    assert call("GET", "/active").status_code == 200
    assert call("GET", f"/{theirs}").json()["job_set"] == api(other).items(theirs)
    assert call("POST", f"/{theirs}/cancel").status_code == 409
    # The job does not exist under the path of the admin's own project.
    assert api(admin).call("GET", f"/{theirs}").status_code == 404
    assert call("DELETE", f"/{theirs}").status_code == 200
    assert api(other).call("GET", f"/{theirs}").status_code == 404


def test_newest_first(demo: Person, api: API) -> None:
    jobs = [api(demo).run(sync(demo.make("RegionOne")["id"])).id for _ in range(2)]
    assert [job["id"] for job in api(demo).jobs()][:2] == jobs[::-1]


def test_a_reader_looks_and_does_not_touch(
    demo: Person, person: Callable[..., Person], api: API
) -> None:
    reader = person("reader")
    image = demo.make("RegionOne")
    job = api(demo).run(sync(image["id"])).id
    assert api(reader).items(job)
    assert api(reader).post(sync(image["id"])).status_code == 403
    assert api(reader).call("DELETE", f"/{job}").status_code == 403
