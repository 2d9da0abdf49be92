"""Projects see their own jobs only."""

from collections.abc import Callable

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
    for who in (demo, admin):
        for method, path in (("GET", ""), ("GET", "/active"), ("GET", f"/{theirs}")):
            answer = api(who).call(method, path, project=other.project_id)
            assert answer.status_code == 403, (who.name, method, path)
        answer = api(who).call("DELETE", f"/{theirs}", project=other.project_id)
        assert answer.status_code == 403
        image = who.make("RegionOne")["id"]
        answer = api(who).post(sync(image), project=other.project_id)
        assert answer.status_code == 403
    assert api(other).items(theirs)


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
