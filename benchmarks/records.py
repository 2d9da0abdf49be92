"""Time to create records in one region of a real Glance, against a bare loop."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

from benchmarks import bare
from benchmarks.rounds import median, spread, take_turns
from benchmarks.service import Job, Service
from benchmarks.table import Row
from benchmarks.world import CONNECTIONS, REAL, World
from benchmarks.writing import original
from kingbird.sync import image as fields
from kingbird.tests.functional.people import Person

SOURCE, TARGET = "RegionOne", "RegionTwo"
AT_MOST = 1.15


def _make(world: World, person: Person, count: int) -> list[dict[str, Any]]:
    """Create new images in each round, because a real Glance cannot be emptied."""
    records = [original(number, person.project_id) for number in range(count)]
    bare.post_all(world.cloud.glance_urls[SOURCE], person.token, records, CONNECTIONS)
    return records


def _bare(world: World, person: Person, count: int) -> float:
    records = [
        fields.record_for(
            image,
            SOURCE,
            fields.Rules(),
            image_id=str(uuid.uuid4()),
            owner=image["owner"],
        )
        for image in _make(world, person, count)
    ]
    return bare.post_all(world.cloud.glance_urls[TARGET], person.token, records, CONNECTIONS)


def _job(world: World, person: Person, kingbird: Service, count: int) -> Job:
    images = _make(world, person, count)
    sync_set = {
        "resource_type": "image",
        "resources": [image["id"] for image in images],
        "source": SOURCE,
        "target": [TARGET],
    }
    return kingbird.run(person, sync_set)


def _page(world: World, person: Person) -> str:
    """Measure the time of a Glance for a page."""
    query = f"images?{bare.VISIBLE}"
    seconds = []
    for _ in range(3):
        begin = time.monotonic()
        answer = person.glance(SOURCE, "GET", query)
        seconds.append(time.monotonic() - begin)
    number = len(answer.json()["images"])
    return f"a page of {number} of this Glance took {1000 * median(seconds):.0f} ms"


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Measure jobs and the bare loop in turns."""
    count, rounds = (100, 1) if quick else (200, 5)
    with world.kingbird(REAL) as kingbird:
        person = world.person()
        # A first job makes the calls that a process makes only once.
        _job(world, person, kingbird, 10)
        jobs: list[Job] = []

        def job() -> float:
            jobs.append(_job(world, person, kingbird, count))
            return jobs[-1].seconds

        loops, seconds = take_turns(rounds, lambda: _bare(world, person, count), job)
        page = _page(world, person)
    what = f"real Glance: {count} named records into one region, {CONNECTIONS} connections"
    for part, measured in (("writing", [one.writing for one in jobs]), ("whole job", seconds)):
        yield Row(
            f"{what}: {part}",
            median(measured) / median(loops),
            AT_MOST if part == "writing" else None,
            f"{part} {spread(measured)}, bare loop {spread(loops)}; {page}",
        )
