"""Measure what an answer about a job that is not planned takes of the API's memory."""

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
import urllib3

from benchmarks.memory import peak
from benchmarks.own_database import insert_job
from benchmarks.scene import SOURCE
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.tests.functional.people import Person
from kingbird.tests.unit.db.rows import sync_set

#: The most images that a request may name by default, and their targets.
NAMED, TARGETS = 10_000, 20
#: MiB.
AT_MOST = 40
#: Bytes of an answer that are read at a time.
CHUNK = 1 << 16
ORDERS = {
    "as they come": "",
    "sorted by their ids": "?sort_key=id&sort_dir=desc",
    "a page, sorted": "?sort_key=resource&limit=100",
}


def _add_job(url: str, person: Person, named: int) -> str:
    """Insert a job that waits to be planned, and return its id."""
    images = [str(uuid.uuid4()) for _ in range(named)]
    targets = [f"Region{number}" for number in range(TARGETS)]
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        job_id = insert_job(connection, person, [sync_set(images, [SOURCE], targets)])
    engine.dispose()
    return job_id


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Read the items of a job that no engine has planned."""
    named = 1_000 if quick else NAMED
    with world.kingbird(engines=0) as kingbird:
        api = kingbird.deployment.api
        if api is None:
            raise RuntimeError("The API does not run")
        person = world.person()
        job_id = _add_job(kingbird.deployment.database_url, person, named)
        url = f"{kingbird.deployment.url}/v1.0/{person.project_id}/os-sync/{job_id}"
        pool = urllib3.PoolManager(headers={"X-Auth-Token": person.token})

        def read(query: str) -> int:
            answer = pool.request("GET", f"{url}{query}", preload_content=False)
            if answer.status != 200:
                raise RuntimeError(f"{query} was answered {answer.status}")
            size = sum(map(len, answer.stream(CHUNK)))
            answer.release_conn()
            return size

        # The worker makes what it keeps.
        read("?limit=1")
        for what, query in ORDERS.items():
            for pid in api.pids:
                Path(f"/proc/{pid}/clear_refs").write_text("5")
            before = {pid: peak(pid) for pid in api.pids}
            begin = time.monotonic()
            size = read(query)
            seconds = time.monotonic() - begin
            yield Row(
                f"memory of the API for {named * TARGETS} items that are not planned: {what}",
                max(peak(pid) - mib for pid, mib in before.items()),
                AT_MOST,
                f"an answer of {size / 1e6:.1f} MB in {seconds:.1f} s; "
                f"{max(before.values()):.0f} MiB before",
                unit="MiB",
            )
