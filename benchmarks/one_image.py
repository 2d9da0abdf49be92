"""Time from a request that names one image until its record is there."""

import time
from collections.abc import Iterator

from standin import Standin
from standin.images import image_id

from benchmarks.rounds import median
from benchmarks.scene import SOURCE, warm_up
from benchmarks.service import Service
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.tests.functional.kingbird_api import sync
from kingbird.tests.functional.people import Person

TARGET = "RegionTwo"
#: Milliseconds of an answer of the stand-ins, and those from the request to the record.
LATENCY, AT_MOST = 5, 300
#: Seconds between two looks at the target, and those after which a missing record is an error.
POLL, PATIENCE = 0.005, 30.0


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Create one image after another."""
    rounds = 5 if quick else 30
    with world.glances(2) as glances, world.kingbird() as kingbird:
        warm_up(world, kingbird, glances)
        person = world.person()
        glances.latency(None, LATENCY)
        times = [
            1000 * _seconds(glances, kingbird, person, f"round {number}")
            for number in range(rounds)
        ]
    yield Row(
        f"one named image, from the request to its record, an answer takes {LATENCY} ms",
        median(times),
        AT_MOST,
        f"{rounds} jobs one after another, {min(times):.0f} to {max(times):.0f} ms",
        unit="ms",
    )


def _seconds(glances: Standin, kingbird: Service, person: Person, salt: str) -> float:
    """Create an image in the target, and wait for the end of its job."""
    glances.seed(SOURCE, 1, salt=salt)
    image = image_id(0, salt)
    begin = time.monotonic()
    job_id = kingbird.start(person, sync(image, source=SOURCE, target=[TARGET]))
    while glances.peek(TARGET, image) is None:
        if time.monotonic() - begin > PATIENCE:
            raise RuntimeError(f"The image {image} is not in {TARGET}")
        time.sleep(POLL)
    seconds = time.monotonic() - begin
    # The end of the job must not run while the next one is measured.
    kingbird.wait(job_id)
    return seconds
