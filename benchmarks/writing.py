"""Time to create records in one region, against a bare loop with the finished plan."""

import contextlib
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks import bare
from benchmarks.rounds import median, spread, take_turns
from benchmarks.scene import SOURCE, warm_up
from benchmarks.service import Job, wildcard
from benchmarks.table import Row
from benchmarks.work import CountedEngine, Work
from benchmarks.world import CONNECTIONS, World
from kingbird.sync import image as fields

TARGET = "RegionTwo"
#: Milliseconds that a Glance takes for a POST, approximately.
LATENCY = 15
AT_MOST = 1.15
#: Milliseconds of processor time for a record.
CPU = 1.5


def original(number: int, owner: str) -> dict[str, Any]:
    """Return a private image, which needs no list of members."""
    return {
        "id": str(uuid.uuid4()),
        "name": f"benchmark-{number}",
        "owner": owner,
        "visibility": "private",
        "disk_format": "raw",
        "container_format": "bare",
        "min_disk": 1,
        "tags": ["benchmark", f"tag-{number}"],
        "os_distro": "debian",
        "number": str(number),
    }


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Measure jobs and the bare loop in turns."""
    count, rounds = (500, 2) if quick else (2000, 5)
    with world.glances(2) as glances, world.kingbird(engines=0) as kingbird:
        engine = CountedEngine(kingbird)
        warm_up(world, kingbird, glances)
        person = world.person()
        records = [original(number, person.project_id) for number in range(count)]
        glances.clear(SOURCE)
        bare.post_all(glances.urls[SOURCE], person.token, records, CONNECTIONS)
        originals = [glances.upload(SOURCE, record["id"], b"data") for record in records]
        records = [
            fields.record_for(
                image, SOURCE, fields.Rules(), image_id=image["id"], owner=image["owner"]
            )
            for image in originals
        ]
        glances.latency(None, LATENCY)

        def loop() -> float:
            glances.clear(TARGET)
            return bare.post_all(glances.urls[TARGET], person.token, records, CONNECTIONS)

        jobs: list[Job] = []
        used: list[Work] = []

        def job() -> float:
            glances.clear(TARGET)
            before = engine.work()
            jobs.append(kingbird.run(person, wildcard(SOURCE, [TARGET])))
            if kingbird.reasons(jobs[-1].id) != {"created": count}:
                raise RuntimeError(f"Not all were created: {kingbird.reasons(jobs[-1].id)}")
            used.append(engine.work().since(before))
            return jobs[-1].seconds

        loops, seconds = take_turns(rounds, loop, job)
        with one_core_busy():
            busy_loops, busy_seconds = take_turns(rounds, loop, job)
    what = f"{count} records into one region, {CONNECTIONS} connections, a POST takes {LATENCY} ms"
    yield from _rows(what, jobs[:rounds], seconds, loops, AT_MOST)
    beside = f"{what}, beside a process that keeps one core busy"
    yield from _rows(beside, jobs[rounds:], busy_seconds, busy_loops, None)
    used = used[:rounds]
    yield Row(
        f"{what}: processor time of the engine, a record",
        1000 * median([one.seconds for one in used]) / count,
        CPU,
        used[-1].text(count, "a record"),
        unit="ms",
    )


def _rows(
    what: str,
    jobs: Sequence[Job],
    seconds: Sequence[float],
    loops: Sequence[float],
    at_most: float | None,
) -> Iterator[Row]:
    # The loop has the finished plan.  The second row includes the time of planning.
    parts = (("writing", [one.writing for one in jobs], at_most), ("whole job", seconds, None))
    for part, measured, most in parts:
        yield Row(
            f"{what}: {part}",
            median(measured) / median(loops),
            most,
            f"{part} {spread(measured)}, bare loop {spread(loops)}",
        )


@contextlib.contextmanager
def one_core_busy() -> Iterator[None]:
    """Keep one core busy for the block, so that engine, API and stand-in share the others."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()
