"""A dry run is applied on real Glances, of which one image has changed; and 304 to polls."""

from collections.abc import Callable

from kingbird.tests.functional.kingbird_api import FAILURE, PLANNED, KingbirdAPI, wildcard
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually

API = Callable[[Person], KingbirdAPI]

ONE_WAY = {"source": "RegionOne", "target": ["RegionTwo"]}


def test_what_was_previewed_is_written_and_what_has_changed_is_not(
    newcomer: Person, api: API
) -> None:
    same = newcomer.make("RegionOne", b"same", tags=["b", "a", "c"], os_distro="plan9")
    changed, gone = (newcomer.make("RegionOne", b"data") for _ in range(2))
    drifted = newcomer.make("RegionOne", b"drift", os_distro="plan9")
    mine = api(newcomer)
    mine.run({**wildcard(**ONE_WAY), "filters": {"name": drifted["name"]}})
    newcomer.images("RegionOne").update(
        drifted["id"], [{"op": "replace", "path": "/os_distro", "value": "inferno"}]
    )
    dry_run = mine.run(wildcard(**ONE_WAY, on_drift="update", dry_run=True))
    assert {item["sync_status"] for item in dry_run.items} == {PLANNED}
    assert {item["resource_name"] for item in dry_run.items} == {
        image["name"] for image in (same, changed, gone, drifted)
    }

    newcomer.images("RegionOne").update(
        changed["id"], [{"op": "replace", "path": "/name", "value": "another"}]
    )
    newcomer.delete("RegionOne", gone["id"])
    late = newcomer.make("RegionOne", b"late")
    answer = mine.call("POST", f"/{dry_run.id}/apply")
    assert answer.status_code == 202, answer.text
    job = mine.wait(answer.json()["job_status"]["id"])
    assert job.status == FAILURE
    assert job.overview["of"] == dry_run.id
    assert job.reasons == {
        (same["id"], "RegionTwo"): "created",
        (drifted["id"], "RegionTwo"): "updated",
        (changed["id"], "RegionTwo"): "plan_outdated",
        (gone["id"], "RegionTwo"): "plan_outdated",
    }
    there = newcomer.images("RegionTwo")
    assert there.get(changed["id"]) is there.get(gone["id"]) is there.get(late["id"]) is None
    assert newcomer.see("RegionTwo", drifted["id"])["os_distro"] == "inferno"
    assert mine.call("POST", f"/{job.id}/apply").status_code == 409


def test_polls_that_find_nothing_new_are_answered_with_304(newcomer: Person, api: API) -> None:
    newcomer.make("RegionOne", b"data")
    mine = api(newcomer)
    job = mine.run(wildcard(**ONE_WAY))
    # Once the trust is deleted, nothing happens to the job any more.
    for path in (f"/{job.id}", "", "/active", "/detail"):
        etag: list[str] = []

        def comes_to_rest(path: str = path, etag: list[str] = etag) -> bool:
            headers = {"If-None-Match": etag.pop()} if etag else {}
            answer = mine.call("GET", path, headers=headers)
            etag.append(answer.headers["ETag"])
            return answer.status_code == 304 and not answer.content

        eventually(f"{path} is answered with 304", comes_to_rest)
    newcomer.make("RegionOne", b"more")
    (entry, *_) = mine.jobs("/detail")
    assert (entry["id"], entry["phase"], entry["origin"]) == (job.id, "ended", "user")
    assert entry["outcomes"] == job.outcomes
    assert entry["listed"]["RegionOne"] >= 1
    assert entry["request"][0]["target"] == ["RegionTwo"]
    assert entry["request"][0]["resources"] == ["*"]
    mine.run(wildcard(**ONE_WAY))
    assert mine.call("GET", "/detail", headers={"If-None-Match": etag[-1]}).status_code == 200
