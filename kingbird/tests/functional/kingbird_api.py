"""Kingbird's API as users call it, over plain HTTP."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests

from kingbird.tests.functional.leaks.watch import WATCH
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.waiting import PATIENCE

IN_PROGRESS, SUCCESS, FAILURE, SKIPPED = "IN_PROGRESS", "SUCCESS", "FAILURE", "SKIPPED"
PLANNED = "PLANNED"


@dataclass(frozen=True)
class Job:
    """A job that has ended.

    :ivar overview: fields of the job beside its items.
    """

    id: str
    status: str
    items: list[dict[str, Any]]
    overview: dict[str, Any] = field(default_factory=dict)

    def item(self, image_id: str, region: str | None = None) -> dict[str, Any]:
        """Return the one item of an image, in a region if there were several targets."""
        found = [
            item
            for item in self.items
            if item["resource"] == image_id and region in (None, item["target_region"])
        ]
        assert len(found) == 1, f"{len(found)} items for {image_id}: {self.items}"
        return found[0]

    @property
    def reasons(self) -> dict[tuple[str, str], str]:
        """Return the reason of each item, by image and region."""
        found = {(item["resource"], item["target_region"]): item["reason"] for item in self.items}
        assert len(found) == len(self.items), "An image has two items in a region"
        return found

    @property
    def outcomes(self) -> dict[str, int]:
        """Return the number of images by reason, including those without an item."""
        counts: dict[str, int] = self.overview["outcomes"]
        return counts

    @property
    def only(self) -> dict[str, Any]:
        """Return the item of a job with exactly one."""
        assert len(self.items) == 1, self.items
        return self.items[0]

    @property
    def outcome(self) -> tuple[str, str]:
        """Return status and reason of the item of a job with exactly one."""
        return self.only["sync_status"], self.only["reason"]


class KingbirdAPI:
    """The API for one user.

    :param url: the base, without ``/v1.0``.
    """

    def __init__(self, url: str, person: Person) -> None:
        self.person = person
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False

    def call(
        self,
        method: str,
        path: str = "",
        *,
        project: str | None = None,
        token: str | None = None,
        **kwargs: Any,
    ) -> requests.Response:
        """Send a request.

        :param path: the path after ``os-sync``.
        :param project: an id for the path other than the user's project.
        :param token: a token other than the user's; empty for none.
        """
        token = self.person.token if token is None else token
        WATCH.token(token)
        headers = {"X-Auth-Token": token} if token else {}
        answer = self._session.request(
            method,
            f"{self.url}/v1.0/{project or self.person.project_id}/os-sync{path}",
            headers={**headers, **kwargs.pop("headers", {})},
            timeout=PATIENCE,
            **kwargs,
        )
        WATCH.answered(answer.headers, answer.content)
        return answer

    def get(self, url: str) -> requests.Response:
        """Send a GET without a token to a path below the base URL."""
        return self._session.get(f"{self.url}{url}", timeout=PATIENCE)

    def post(self, *sets: dict[str, Any], **kwargs: Any) -> requests.Response:
        """Request a job with one set or several sets."""
        body = {"resource_set": sets[0] if len(sets) == 1 else {"Sync": list(sets)}}
        return self.call("POST", json=body, **kwargs)

    def accepted(self, *sets: dict[str, Any], **kwargs: Any) -> str:
        """Request a job that has to be accepted, and return its id."""
        answer = self.post(*sets, **kwargs)
        assert answer.status_code == 200, answer.text
        status = answer.json()["job_status"]
        assert status["status"] == IN_PROGRESS
        return str(status["id"])

    def wait(self, job_id: str) -> Job:
        """Wait until a job has ended."""

        def look() -> Job | None:
            if any(job["id"] == job_id for job in self.jobs("/active")):
                return None
            status = next(job["sync_status"] for job in self.jobs() if job["id"] == job_id)
            return Job(job_id, status, *self.show(job_id))

        job: Job = eventually(f"job {job_id} ends", look)
        return job

    def delete_at_the_end(self, job_id: str) -> requests.Response:
        """Delete a job as soon as all of its items have ended, and return the response."""

        def look() -> bool:
            items = self.items(job_id)
            return bool(items) and all(item["sync_status"] != IN_PROGRESS for item in items)

        eventually(f"all items of job {job_id} have ended", look, poll=0)
        return self.call("DELETE", f"/{job_id}")

    def run(self, *sets: dict[str, Any], **kwargs: Any) -> Job:
        """Request a job and wait until it has ended."""
        return self.wait(self.accepted(*sets, **kwargs))

    def jobs(self, path: str = "") -> list[dict[str, Any]]:
        """Return the project's jobs; with ``/active`` those in progress."""
        answer = self.call("GET", path)
        assert answer.status_code == 200, answer.text
        jobs: list[dict[str, Any]] = answer.json()["job_set"]
        return jobs

    def items(self, job_id: str) -> list[dict[str, Any]]:
        """Return a job's items."""
        return self.show(job_id)[0]

    def show(
        self, job_id: str, limit: int | None = None
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return all pages of a job's items, and the fields of the job beside them.

        :param limit: the number of items on a page.
        """
        items: list[dict[str, Any]] = []
        path = f"/{job_id}?limit={limit}" if limit else f"/{job_id}"
        while True:
            answer = self.call("GET", path)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            items += page["job_set"]
            assert limit is None or len(page["job_set"]) <= limit
            following = [link["href"] for link in page["links"] if link["rel"] == "next"]
            if not following:
                return items, page["job"]
            path = f"/{job_id}?{urlsplit(following[0]).query}"


def sync(
    *image_ids: str,
    source: str | list[str] = "RegionOne",
    target: str | list[str] = "RegionTwo",
    **options: Any,
) -> dict[str, Any]:
    """Return a set of images by id."""
    return {
        "resource_type": "image",
        "resources": list(image_ids),
        "source": source,
        "target": [target] if isinstance(target, str) else target,
        **options,
    }


def wildcard(**options: Any) -> dict[str, Any]:
    """Return a wildcard set: all images from all regions to all regions, changed by options."""
    return {
        "resource_type": "image",
        "resources": ["*"],
        "source": "*",
        "target": ["*"],
        **options,
    }
