"""Time of a job with data on real Glances, against a bare loop that keeps four imports at once."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.rounds import median, spread
from benchmarks.service import Service
from benchmarks.table import Row
from benchmarks.world import REAL, World
from kingbird.tests.functional.people import RAW, Person

SOURCE, TARGET = "RegionOne", "RegionTwo"
#: Imports that the loop keeps at once, and Kingbird's default.
AT_ONCE = 4
#: Seconds between two looks of the loop at one image.
POLL = 0.2
MIB = 2**20
#: The numbers and the sizes of the images, the rounds, and the ratio that may be reached.
LOADS = ((20, 20 * MIB, 3, 1.10), (200, MIB, 1, None))


def _upload(person: Person, count: int, size: int) -> list[Mapping[str, Any]]:
    """Make images in the source region."""
    return [person.make(SOURCE, os.urandom(size), visibility="private") for _ in range(count)]


def _loop(person: Person, images: Sequence[Mapping[str, Any]]) -> float:
    """Import some images into new records, and return the seconds until all are active."""

    def bring(image: Mapping[str, Any]) -> str:
        glance = person.images(TARGET)
        record = glance.create({"name": image["name"], "visibility": "private", **RAW})
        glance.import_data(record["id"], region=SOURCE, source_id=image["id"], interface="public")
        while (found := person.see(TARGET, record["id"]))["status"] != "active":
            if found["status"] == "queued" and not found.get("os_glance_import_task"):
                raise RuntimeError(f"The import of {image['id']} has failed")
            time.sleep(POLL)
        return str(record["id"])

    begin = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as workers:
        made = list(workers.map(bring, images))
    seconds = time.monotonic() - begin
    for record_id in made:
        person.delete(TARGET, record_id)
    return seconds


def _job(kingbird: Service, person: Person, images: Sequence[Mapping[str, Any]]) -> float:
    """Sync some images with their data, and return the seconds until the job was closed."""
    ids = [image["id"] for image in images]
    wanted = {"resource_type": "image", "resources": ids, "source": SOURCE, "target": [TARGET]}
    job = kingbird.run(person, {**wanted, "data": "import"})
    for image in images:
        copy = person.see(TARGET, image["id"])
        if (copy["status"], copy["os_hash_value"]) != ("active", image["os_hash_value"]):
            raise RuntimeError(f"The data of {image['id']} are not there")
        person.delete(TARGET, image["id"])
    return job.seconds


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Take turns between a job and a loop about the same images."""
    with world.kingbird(REAL) as kingbird:
        person = world.person("demo")
        _job(kingbird, person, _upload(person, 4, MIB))
        for whole, size, rounds, target in LOADS:
            count = whole // 5 if quick else whole
            jobs, loops = [], []
            for _ in range(1 if quick else rounds):
                # The id of a record that was deleted stays taken.
                images = _upload(person, count, size)
                loops.append(_loop(person, images))
                jobs.append(_job(kingbird, person, images))
                for image in images:
                    person.delete(SOURCE, image["id"])
            yield Row(
                f"data: {count} imports of {size // MIB} MiB, real Glances: whole job",
                median(jobs) / median(loops),
                target,
                f"job {spread(jobs)}, a loop that keeps {AT_ONCE} at once {spread(loops)}",
            )
