"""Time to answer a request with 1,000 image ids, beyond the calls that it needs."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import urllib3

from benchmarks import bare
from benchmarks.rounds import median, take_turns
from benchmarks.scene import SOURCE, fill, warm_up
from benchmarks.service import Service
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.batching import batched
from kingbird.clients.image_lists import IDS_PER_CALL, PAGE_SIZE
from kingbird.tests.functional.deployment import SERVICE_USER
from kingbird.tests.functional.people import Person

TARGET = "RegionTwo"
IMAGES = 1000
#: Milliseconds that a Glance takes for an answer.
LATENCY = 20
AT_MOST = 50


class _Bare:
    """The calls that a request needs, one after another: lists of the images, and a trust."""

    def __init__(self, world: World, kingbird: Service, url: str, person: Person) -> None:
        self._url = url
        self._person = person
        self._pool = urllib3.PoolManager()
        self._trusts = f"{kingbird.deployment.keystone.url}/v3/OS-TRUST/trusts"
        roles = person.keystone("GET", "/roles?name=admin").json()["roles"]
        self._trust = {
            "trustor_user_id": person.user_id,
            "trustee_user_id": world.cloud.users[SERVICE_USER],
            "project_id": person.project_id,
            "impersonation": True,
            "roles": [{"id": roles[0]["id"]}],
        }

    def __call__(self, ids: list[str]) -> float:
        token = self._person.token
        begin = time.monotonic()
        for batch in batched(ids, IDS_PER_CALL):
            query = {"id": f"in:{','.join(batch)}", "visibility": "all", "limit": PAGE_SIZE}
            list(bare.pages(self._pool, self._url, token, urlencode(query)))
        # Keystone treats trusts that expire at the same moment as the same one.
        expires = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%S.%fZ}"
        answer = self._pool.request(
            "POST",
            self._trusts,
            json={"trust": {**self._trust, "expires_at": expires}},
            headers={"X-Auth-Token": token},
        )
        seconds = time.monotonic() - begin
        if answer.status != 201:
            raise RuntimeError(f"The bare loop was answered {answer.status}: {answer.data!r}")
        trust: dict[str, Any] = answer.json()["trust"]
        self._person.keystone("DELETE", f"/OS-TRUST/trusts/{trust['id']}")
        return seconds


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Measure requests and a bare loop of their calls in turns."""
    rounds = 3 if quick else 10
    with world.glances(2) as glances, world.kingbird() as kingbird:
        warm_up(world, kingbird, glances)
        fill(glances, IMAGES)
        person = world.person()
        loop = _Bare(world, kingbird, glances.urls[SOURCE], person)
        pool = urllib3.PoolManager()
        pages = bare.pages(pool, glances.urls[SOURCE], person.token, bare.VISIBLE)
        ids = [image["id"] for page in pages for image in page]
        glances.latency(None, LATENCY)

        def post() -> float:
            sync_set = {
                "resource_type": "image",
                "resources": ids,
                "source": SOURCE,
                "target": [TARGET],
            }
            begin = time.monotonic()
            job_id = kingbird.start(person, sync_set)
            seconds = time.monotonic() - begin
            # The job must not run while the next request is measured.
            kingbird.wait(job_id)
            return seconds

        answers, loops = take_turns(rounds, post, lambda: loop(ids))
    yield Row(
        f"answer to a request that names {IMAGES} images, beyond the calls that it needs",
        1000 * (median(answers) - median(loops)),
        AT_MOST,
        f"answer {1000 * median(answers):.0f} ms, bare loop of {IMAGES // IDS_PER_CALL} lists "
        f"({LATENCY} ms each) and a trust {1000 * median(loops):.0f} ms",
        unit="ms",
    )
